"""What is kept between answers: totals and rendered teams, never longer than they hold."""

import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from services.projection.api.items import TeamItems
from services.projection.queries.reading import Paging, Totals
from services.projection.queries.records import SHOWN, StoredTeam
from services.spend.spenders import Reckoning, asked_now, reckoned
from services.spend.spent import Span
from tests.support.facts import settings

NOW = datetime(2026, 3, 11, 13, 27, 45, tzinfo=UTC)
DAY = timedelta(days=1)
SPENT = Decimal(3)


def stored(
    members: int = 1,
    *,
    alias: str = "One",
    total: int | None = None,
    book: str | None = None,
) -> StoredTeam:
    """A team with a budget of a day, and this many members."""
    document = settings(team_alias=alias, budget={"budget_duration": "1d"}).model_dump(mode="json")
    metadata = document.pop("metadata")
    texts = orjson.dumps(document).decode(), orjson.dumps(metadata).decode()
    roster = [[f"user-{number}", None, "user", None] for number in range(members)]
    moments = NOW, NOW, None
    rest = None, None, 1, 1, book, members if total is None else total
    columns = ("t", *texts, *moments, *rest)
    return StoredTeam(columns, orjson.dumps(roster).decode())


def shown(
    items: TeamItems, team: StoredTeam, now: datetime = NOW, spend: Decimal = SPENT
) -> dict[str, object]:
    item: dict[str, object] = orjson.loads(orjson.dumps(items.item(team, spend, now, UTC)))
    return item


def test_a_row_that_looks_the_same_is_rendered_once() -> None:
    items = TeamItems()
    assert items.item(stored(), SPENT, NOW, UTC) is items.item(stored(), SPENT, NOW, UTC)


def test_rows_of_large_teams_are_not_kept() -> None:
    """As little as their JSON: nobody knows how large they are, and how many."""
    items = TeamItems()
    rows = [stored(1_000, alias=str(number)) for number in range(50)]
    items.reckoning(rows, NOW, UTC)
    assert len(pickle.dumps(items)) < len(rows[0].members or "")


def test_a_row_that_differs_shows_its_difference() -> None:
    items = TeamItems()
    assert shown(items, stored())["team_alias"] == "One"
    assert shown(items, stored(alias="Two"))["team_alias"] == "Two"
    assert len(shown(items, stored(2))["members_with_roles"]) == 2  # type: ignore[arg-type]


def paced(duration: str = "1d", *, reset: datetime | None = None) -> StoredTeam:
    """A team whose budget has had a duration from the beginning, and that was maybe reset."""
    change = "team", "", NOW, duration, None, True, None, True
    marks = None if reset is None else [("team", "", "reset", reset, "2")]
    return stored(book=orjson.dumps([[change], marks, None, None]).decode())


def asked(items: TeamItems, team: StoredTeam, now: datetime) -> tuple[Reckoning, Span]:
    reckoning = items.reckoning([team], now, UTC)
    [span] = reckoning.spans
    return reckoning, span


def test_how_to_tell_what_a_team_spends_is_found_once_for_its_window() -> None:
    items = TeamItems()
    assert asked(items, paced(), NOW)[1] is asked(items, paced(), NOW)[1]
    for n in (0, 1, 2, -1):
        now = NOW + n * DAY
        expected = reckoned(asked_now([paced().spender], now, UTC), now)
        assert asked(items, paced(), now)[0] == expected
        start = now.replace(hour=0, minute=0, second=0)
        assert asked(items, paced(), now)[1].since == start


def test_what_is_asked_for_changes_before_a_window_ends() -> None:
    """Its end counts from a day before on: what begins then may already be booked."""
    items, soon = TeamItems(), datetime(2026, 3, 31, tzinfo=UTC)
    moments = NOW, soon - timedelta(seconds=1), soon, soon + DAY
    ends = [asked(items, paced("1mo"), now)[1].until for now in moments]
    assert ends == [None, None, soon + DAY, None]


def test_a_reset_is_another_question() -> None:
    items, at = TeamItems(), NOW + timedelta(seconds=5)
    assert asked(items, paced(), at)[0].amounts([Decimal(1)]) == [1]
    after, span = asked(items, paced(reset=at), at)
    assert after.amounts([Decimal(1)]) == [3]
    assert span.since == at


def test_teams_are_told_in_the_order_given() -> None:
    items = TeamItems(capacity=2)
    teams, sums = [paced(), paced("1mo"), paced(reset=NOW)], [Decimal(1), Decimal(2), Decimal(4)]
    assert items.reckoning(teams, NOW, UTC).amounts(sums) == [1, 2, 6]
    assert items.reckoning(teams[::-1], NOW, UTC).amounts(sums) == [3, 2, 4]
    assert items.reckoning((), NOW, UTC).amounts(()) == []


def test_what_was_spent_since_is_shown_and_so_is_what_was_taken_back() -> None:
    items = TeamItems()
    amounts = [Decimal(amount) for amount in ("1.5", "2", "1.5")]
    assert [shown(items, stored(), spend=amount)["spend"] for amount in amounts] == [1.5, 2.0, 1.5]


def test_the_end_of_a_budget_window_is_never_shown_once_it_has_passed() -> None:
    items = TeamItems()
    ends = [shown(items, stored(), NOW + n * DAY)["budget_reset_at"] for n in (0, 0, 1, 2)]
    assert ends == [f"2026-03-{day}T00:00:00Z" for day in (12, 12, 13, 14)]


def test_large_teams_are_rendered_but_not_kept() -> None:
    items = TeamItems()
    assert items.item(stored(SHOWN), SPENT, NOW, UTC) is not items.item(
        stored(SHOWN), SPENT, NOW, UTC
    )


def test_only_so_many_teams_are_kept_and_the_latest_stay() -> None:
    items = TeamItems(capacity=2)
    first, second, third = (stored(alias=alias) for alias in ("a", "b", "c"))
    kept = {team: items.item(team, SPENT, NOW, UTC) for team in (first, second)}
    assert items.item(first, SPENT, NOW, UTC) is kept[first]
    items.item(third, SPENT, NOW, UTC)
    assert items.item(first, SPENT, NOW, UTC) is kept[first]
    assert items.item(second, SPENT, NOW, UTC) is not kept[second]


def test_a_cut_roster_says_how_many_there_are() -> None:
    assert "members_total" not in shown(TeamItems(), stored(2))
    assert shown(TeamItems(), stored(SHOWN, total=SHOWN + 5))["members_total"] == SHOWN + 5


def test_s14_a_deleted_user_who_is_leaving_still_makes_no_roster_a_cut_one() -> None:
    assert "members_total" not in shown(TeamItems(), stored(2, total=3))


def test_a_total_is_known_at_the_latest_position_it_was_counted_at() -> None:
    totals = Totals()
    assert totals.known("filter") == (-1, 0)
    totals.keep("filter", 7, 100)
    totals.keep("filter", 5, 99)
    assert totals.known("filter") == (7, 100)
    totals.keep("filter", 8, 101)
    assert totals.known("filter") == (8, 101)
    assert totals.known("another") == (-1, 0)


def test_only_so_many_totals_are_kept() -> None:
    totals = Totals(capacity=2)
    for position, name in enumerate("abac"):
        totals.keep(name, position, 1)
    assert [totals.known(name)[0] for name in "abc"] == [2, -1, 3]


@pytest.mark.parametrize(
    ("total", "size", "pages"), [(0, 10, 0), (1, 10, 1), (10, 10, 1), (11, 10, 2), (5, 1, 5)]
)
def test_pages_are_counted_up(total: int, size: int, pages: int) -> None:
    assert Paging(1, size).pages(total) == pages
    assert Paging(pages + 1, size).offset >= total
