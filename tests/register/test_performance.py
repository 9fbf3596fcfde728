"""D50 to D54 and S17: what the database is asked, not how long it takes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.ledger import Ledger, bearer
from tests.support.service import MASTER_KEY, Start, on_database
from tests.support.statements import Statements, Step

COMMAND_SIDE = ("originator_id = ANY", "child, since FROM ops.dependents", "events.append(")
"""What statements of a command contain; those of projections and who watches budgets do not."""


def asked(
    statements: Statements,
    ledger: Ledger,
    path: str,
    key: str = MASTER_KEY,
    /,
    **query: str | int,
) -> list[str]:
    """The statements behind a GET once nothing else is going on."""
    ledger.shown(path, key, **query)
    with statements.sent("read.teams_1") as sent:
        ledger.shown(path, key, **query)
    return sent


def whole_reads(steps: list[Step]) -> list[Step]:
    """Steps that read all of a table, or all of an index of it."""
    tables = (
        *("teams_1", "memberships_1", "keys_1", "users_1"),
        *("organizations_1", "organization_members_1"),
    )
    return [step for step in steps if step.table in tables and step.condition is None]


def indexes(steps: list[Step]) -> set[tuple[str, ...]]:
    """Each by its columns."""
    return {step.columns for step in steps}


def make_teams(ledger: Ledger, prefix: str, count: int, user_id: str) -> None:
    for number in range(count):
        team_id = f"{prefix}-{number}"
        members = [{"user_id": user_id, "role": "user"}]
        ledger.done("/team/new", {"team_id": team_id, "members_with_roles": members})
        ledger.key(team_id=team_id)


@pytest.mark.usefixtures("led")
def test_d50_the_teams_of_one_user_are_found_by_index_in_one_statement(
    ledger: Ledger, statements: Statements
) -> None:
    make_teams(ledger, "d50-few", 1, "d50-few")
    make_teams(ledger, "d50-many", 15, "d50-many")
    few = asked(statements, ledger, "/team/list", user_id="d50-few")
    many = asked(statements, ledger, "/team/list", user_id="d50-many")
    assert len(few) == len(many) == 1
    steps = statements.plan(many[0])
    assert whole_reads(steps) == []
    assert ("user_id", "team_id") in indexes(steps)
    assert ("team_id", "team_incarnation", "created_at", "token") in indexes(steps)
    assert len(ledger.shown("/team/list", limit=3)) == 3


@pytest.fixture(scope="module")
def led(ledger: Ledger) -> str:
    """The key of the admin of an organization of some teams, who is in a team elsewhere."""
    key = ledger.user("d50-led")
    ledger.done("/organization/new", {"organization_id": "d50", "organization_alias": "d50"})
    member = {"user_id": "d50-led", "role": "org_admin"}
    ledger.done("/organization/member_add", {"organization_id": "d50", "member": member})
    for number in range(3):
        ledger.done("/team/new", {"team_id": f"d50-led-{number}", "organization_id": "d50"})
    make_teams(ledger, "d50-elsewhere", 1, "d50-led")
    return key


@pytest.mark.parametrize(
    ("query", "found"),
    [({}, 3), ({"organization_id": "d50"}, 3), ({"user_id": "d50-led"}, 4)],
)
def test_d50_the_teams_of_an_organization_are_found_by_index_for_its_admin(
    ledger: Ledger, statements: Statements, led: str, query: dict[str, str], found: int
) -> None:
    [statement] = asked(statements, ledger, "/team/list", led, **query)
    assert len(ledger.shown("/team/list", led, **query)) == found
    steps = statements.plan(statement)
    assert whole_reads(steps) == []
    assert ("organization_id", "created_at", "team_id") in indexes(steps)


def test_d50_of_which_organizations_somebody_is_admin_is_found_by_index(
    ledger: Ledger, statements: Statements, led: str
) -> None:
    ledger.done("/user/new", {"user_id": "d50-news", "auto_create_key": False})
    with statements.sent("accepted_until") as sent:
        ledger.shown("/team/list", led)
    [statement] = sent
    steps = statements.plan(statement)
    assert whole_reads(steps) == []
    assert ("user_id", "organization_id") in indexes(steps)


@pytest.mark.parametrize(
    ("sort_by", "index"),
    [
        ("created_at", ("created_at", "team_id")),
        ("team_alias", ("team_alias", "team_id")),
        ("team_id", ("team_id",)),
    ],
)
def test_d51_pages_have_a_stable_order_that_an_index_keeps(
    ledger: Ledger, statements: Statements, sort_by: str, index: tuple[str, ...]
) -> None:
    for number in range(7):
        ledger.done("/team/new", {"team_id": f"d51-{sort_by}-{number}", "team_alias": "same"})
    sort: dict[str, str | int] = {"sort_by": sort_by, "page_size": 2}
    [statement] = asked(statements, ledger, "/v2/team/list", **sort)
    assert index in indexes(statements.plan(statement))
    first = ledger.shown("/v2/team/list", **sort)
    pages = range(1, first["total_pages"] + 1)
    found = [
        team["team_id"]
        for page in pages
        for team in ledger.shown("/v2/team/list", **sort, page=page)["teams"]
    ]
    assert len(found) == len(set(found)) == first["total"]


def test_d52_one_of_many_creations_of_an_id_wins_and_no_team_is_counted(
    ledger: Ledger, statements: Statements
) -> None:
    body = {"team_id": "d52", "members_with_roles": [{"user_id": "d52", "role": "user"}]}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ledger.post("/team/new", body), range(12)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert [answer.status_code for answer in refused] == [400] * 11
    assert {"Team id = d52 already exists" in answer.text for answer in refused} == {True}
    with statements.sent(*COMMAND_SIDE) as sent:
        ledger.done("/team/new", {"team_id": "d52-next"})
    assert [each for each in sent if "count(" in each] == []
    assert len(sent) <= 3


@pytest.fixture
def cold(ledger: Ledger, start: Start) -> Iterator[httpx.Client]:
    """A process that has nothing in its cache, on the same database."""
    service = start(on_database(ledger.database_url))
    with httpx.Client(base_url=service.base_url, timeout=30, headers=bearer(MASTER_KEY)) as http:
        yield http
    assert service.stop() == 0


def test_d53_many_members_or_teams_take_as_many_statements_as_one(
    ledger: Ledger, statements: Statements, cold: httpx.Client
) -> None:
    make_teams(ledger, "d53", 13, "d53-user")

    def taken(path: str, body: object) -> int:
        with statements.sent(*COMMAND_SIDE) as sent:
            response = cold.post(path, json=body)
            assert response.status_code == 200, response.text
        return len(sent)

    def add(team_id: str, count: int) -> int:
        member = [
            {
                "user_id": f"{team_id}-{n}",
                "user_email": f"{team_id}-{n}@example.com",
                "role": "user",
            }
            for n in range(count)
        ]
        return taken("/team/member_add", {"team_id": team_id, "member": member})

    add("d53-12", 2)
    assert add("d53-0", 1) == add("d53-1", 60)
    one = taken("/team/delete", {"team_ids": ["d53-2"]})
    assert one == taken("/team/delete", {"team_ids": [f"d53-{n}" for n in range(3, 12)]})


def test_d54_teams_have_the_indexes_that_their_filters_need(
    ledger: Ledger, statements: Statements
) -> None:
    ledger.done("/team/new", {"team_id": "d54", "team_alias": "D54"})
    ledger.user("d54")
    for path, query, index in (
        (
            "/v2/team/list",
            {"organization_id": "none"},
            ("organization_id", "created_at", "team_id"),
        ),
        ("/v2/team/list", {"sort_by": "team_alias"}, ("team_alias", "team_id")),
        ("/v2/team/list", {}, ("created_at", "team_id")),
        ("/team/info", {"team_id": "d54"}, ("team_id", "incarnation")),
    ):
        [statement] = asked(statements, ledger, path, **query)
        assert index in indexes(statements.plan(statement)), path


OWNER = "s17"
LISTS: dict[str, dict[str, str | int]] = {
    "/organization/list": {},
    "/budget/list": {},
    "/user/list": {"page_size": 100, "user_email": "s17"},
    "/user/info": {"user_id": OWNER},
    "/key/list": {"size": 100, "user_id": OWNER, "expand": "user"},
    "/key/aliases": {"size": 100, "search": "s17"},
}


@pytest.mark.parametrize("path", LISTS)
def test_s17_a_list_of_many_takes_as_many_statements_as_one_of_few(
    ledger: Ledger, statements: Statements, path: str
) -> None:
    def taken() -> tuple[list[str], int]:
        ledger.shown(path, **LISTS[path])
        with statements.sent("_1 ", "_1)") as sent:
            shown = ledger.shown(path, **LISTS[path])
        return [each for each in sent if "webhooks_1" not in each], entries(shown)

    if ledger.get("/user/info", user_id=OWNER).status_code == 404:
        ledger.user(OWNER, user_email="s17@example.com")
    grow(ledger)
    few, before = taken()
    assert few
    for _ in range(9):
        grow(ledger)
    many, after = taken()
    assert (len(many), after) == (len(few), before + 9), (few, many)


def entries(shown: object) -> int:
    """How many there are in the longest list of an answer."""
    lists = shown.values() if isinstance(shown, dict) else [shown]
    return max(len(each) for each in lists if isinstance(each, list))


def grow(ledger: Ledger) -> None:
    """One organization more, with a budget and two members, and a key of one of them."""
    name = f"s17-{ledger.position()}"
    ledger.done("/organization/new", {"organization_id": name, "organization_alias": name})
    ledger.user(name, user_email=f"{name}@example.com", auto_create_key=False)
    for user_id in (OWNER, name):
        member = {"user_id": user_id, "role": "internal_user"}
        ledger.done("/organization/member_add", {"organization_id": name, "member": member})
    ledger.key(user_id=OWNER, key_alias=name)
