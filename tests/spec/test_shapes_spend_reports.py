"""Reports on spend as they are answered: names, cents, cuts and CSV."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.shapes.activity import KEYS_SHOWN, NOTHING, Line, Metrics, activity_day, total
from services.edge.shapes.spend_groups import By, csv_head, csv_line, hour_of
from services.edge.shapes.spend_reports import TeamDay, labels, spend_of_teams

DAY = date(2026, 3, 11)
DIGITS = "999999999999.999999999999999999"


def spent(amount: str) -> Metrics:
    return Metrics(Decimal(amount), 1, 2, 0, 0, 1, 0)


def line(key: str | None, amount: str, entity: str | None = "core") -> Line:
    return Line(DAY, entity, key, "gpt-4o", None, None, None, None, spent(amount))


def test_sums_are_exact_however_long() -> None:
    parts = [spent(DIGITS)] * 1000
    assert total(parts).spend == Decimal("999999999999999.999999999999999000")
    assert total([]) == NOTHING


def test_a_map_shows_the_keys_that_spent_most_and_counts_the_others() -> None:
    lines = [line(f"{number:064x}", str(number)) for number in range(KEYS_SHOWN + 5)]
    labels_ = {("key", each.key or ""): {"key_alias": None, "team_id": "core"} for each in lines}
    day = activity_day(lines, "team", labels_)
    shown = day["breakdown"]["api_keys"]
    assert day["breakdown"]["api_keys_total"] == KEYS_SHOWN + 5
    assert list(shown) == [f"{n:064x}" for n in range(KEYS_SHOWN + 4, 4, -1)]
    of_team = day["breakdown"]["entities"]["core"]
    assert (len(of_team["api_key_breakdown"]), of_team["api_keys_total"]) == (KEYS_SHOWN, 1005)
    assert of_team["metrics"] == day["metrics"]
    assert day["metrics"]["spend"] == sum(range(KEYS_SHOWN + 5))


def test_what_was_not_told_is_in_no_map_but_providers_and_entities() -> None:
    day = activity_day([line(None, "1", None)], "team", {})
    found = {name: list(of) for name, of in day["breakdown"].items()}
    assert found == {
        "models": ["gpt-4o"],
        "model_groups": [],
        "mcp_servers": [],
        "providers": ["unknown"],
        "endpoints": [],
        "entities": ["Unassigned"],
        "api_keys": [],
    }


NAMES = st.sampled_from(["a", "b", "a (a)", "a (b)", "date", "Unassigned", "", "date (a)"])


@given(st.dictionaries(NAMES.filter(bool) | st.none(), NAMES | st.none()))
def test_s18_no_two_teams_are_called_alike(aliases: dict[str | None, str | None]) -> None:
    called = labels(aliases)
    assert called.keys() == aliases.keys()
    assert len({*called.values(), "date"}) == len(aliases) + 1
    if None in aliases:
        assert called[None] == "Unassigned"


def test_s18_teams_are_called_by_their_alias_where_that_is_enough() -> None:
    aliases = {"t1": "Core", "t2": None, "t3": "Same", "t4": "Same", None: None}
    assert labels(aliases) == {
        "t1": "Core",
        "t2": "t2",
        "t3": "Same (t3)",
        "t4": "Same (t4)",
        None: "Unassigned",
    }


def test_cents_are_rounded_after_they_were_summed() -> None:
    rows = [TeamDay(DAY, "t", spent("0.004")) for _ in range(1)]
    rows += [TeamDay(date(2026, 3, 12), "t", spent("0.004"))]
    report = spend_of_teams(rows, {"t": "T"})
    assert [day["T"] for day in report["daily_spend"]] == [0.0, 0.0]
    assert report["total_spend_per_team"] == [{"team_id": "T", "total_spend": 0.01}]
    large = spend_of_teams([TeamDay(DAY, "t", spent(DIGITS))], {"t": "T"})
    assert large["total_spend_per_team"][0]["total_spend"] == 1e12


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|'/c calc'!A0", "-"],
)
def test_a_text_that_would_be_computed_is_shown_instead(text: str) -> None:
    [row] = csv.reader(StringIO(csv_line({"team_id": text}, spent("1")), newline=""))
    assert row[0] == f"'{text}"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_a_line_of_csv_is_read_as_it_was_written(texts: list[str]) -> None:
    told = {str(place): text for place, text in enumerate(texts)}
    [row] = csv.reader(StringIO(csv_line(told, spent("-0.00000001")), newline=""))
    assert [cell.removeprefix("'") for cell in row[: len(texts)]] == [
        text.removeprefix("'") for text in texts
    ]
    assert row[len(texts) :] == ["-0.00000001", "1", "2", "0", "0", "3", "1", "0", "1"]


def test_the_first_line_of_csv_names_the_cells() -> None:
    by: tuple[By, ...] = ("day", "team", "key")
    names = "day,team_id,team_alias,key,key_alias,spend,prompt_tokens,completion_tokens"
    assert csv_head(by).startswith(names)


def test_an_hour_is_told_with_the_offset_that_its_clock_has() -> None:
    begin = datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert hour_of(begin, 7200) == "2026-10-25T02:00:00+02:00"
    assert hour_of(begin, 19_800) == "2026-10-25T05:30:00+05:30"
