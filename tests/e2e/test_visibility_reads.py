"""Who is answered what by the reads about teams, keys and users, with real keys (1.4, S09, D19)."""

from collections.abc import Iterator, Mapping

import pytest

from services.database.embedded import EmbeddedServer
from tests.e2e.visible import OTHER, TEAM, UNKNOWN, USER_OF, World, make_world
from tests.support.auditor import token
from tests.support.ledger import running_ledger
from tests.support.refused import refusal
from tests.support.service import Start


@pytest.fixture(scope="module")
def world(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[World]:
    offered = {"TEAMLEDGER_AVAILABLE_TEAMS": f"{TEAM}, {OTHER},{UNKNOWN}"}
    with running_ledger(postgres_server, start_service, **offered) as ledger:
        yield make_world(ledger)


DAYS = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
CALLERS = ("PA", "PV", "TA", "TM", "IU", "IV", "TK", "LK")
MATRIX: Mapping[tuple[str, str], str] = {
    #                                    PA  PV  TA  TM  IU  IV  TK  LK
    ("/team/available", ""): "           200 200 200 200 200 200 404 404",
    ("/team/filter/ui", ""): "           200 403 401 401 401 401 401 401",
    ("/team/permissions_list", TEAM): "  200 403 200 403 403 403 403 403",
    ("/team/permissions_list", OTHER): " 200 403 403 403 403 403 403 403",
    ("/team/permissions_list", UNKNOWN): "404 404 403 403 403 403 403 403",
    ("/team/daily/activity", ""): "      200 200 200 200 200 200 404 404",
    ("/team/daily/activity", TEAM): "    200 200 200 200 404 404 404 404",
    ("/team/daily/activity", OTHER): "   200 200 404 404 404 404 404 404",
    ("/team/daily/activity", UNKNOWN): " 200 200 404 404 404 404 404 404",
    ("/key/list", ""): "                 200 200 200 200 200 200 403 403",
    ("/key/list", "own"): "              200 200 200 200 200 200 403 403",
    ("/key/list", "foreign"): "          200 200 403 403 403 403 403 403",
    ("/key/list", TEAM): "               200 200 200 200 403 403 403 403",
    ("/key/list", OTHER): "              200 200 403 403 403 403 403 403",
    ("/key/list", UNKNOWN): "            200 200 403 403 403 403 403 403",
    ("/user/info", ""): "                200 200 200 200 200 200 404 404",
    ("/user/info", "own"): "             200 200 200 200 200 200 403 403",
    ("/user/info", "foreign"): "         200 200 403 403 403 403 403 403",
}  # fmt: skip
"""Route and what is asked for: a team, one's own or a foreign user, nothing in particular."""

CELLS = [
    (path, what, caller, int(status))
    for (path, what), row in MATRIX.items()
    for caller, status in zip(CALLERS, row.split(), strict=True)
]
SHAPE_A = ("/team/available", "/team/permissions_list", "/team/daily/activity")


@pytest.mark.parametrize(("path", "what", "caller", "status"), CELLS)
def test_the_matrix(world: World, path: str, what: str, caller: str, status: int) -> None:
    query = dict(DAYS) if path == "/team/daily/activity" else {}
    if what in ("own", "foreign"):
        query["user_id"] = "colleague" if what == "foreign" else USER_OF.get(caller, "None")
    elif what:
        query["team_ids" if path == "/team/daily/activity" else "team_id"] = what
    response = world.get(caller, path, **query)
    assert response.status_code == status
    if status != 200:
        assert refusal(response)[0] == ("A" if path in SHAPE_A else "B")


@pytest.mark.parametrize(
    ("caller", "teams"),
    [("PA", [TEAM, OTHER]), ("TA", [OTHER]), ("TM", [OTHER]), ("IU", [TEAM, OTHER])],
)
def test_what_is_on_offer_is_what_one_is_not_in(
    world: World, caller: str, teams: list[str]
) -> None:
    assert [team["team_id"] for team in world.shown(caller, "/team/available")] == teams


LISTED = {
    "PA": ["TK", "colleague", "lead", "mem", "service"],
    "PV": ["TK", "colleague", "lead", "mem", "service"],
    "TA": ["TK", "colleague", "lead", "mem", "service"],
    "TM": ["TK", "mem", "service"],
}
"""Keys of the team that are listed when those of one's teams are asked for, too."""


@pytest.mark.parametrize("caller", LISTED)
def test_keys_of_the_team_in_the_list_of_keys(world: World, caller: str) -> None:
    query = {"team_id": TEAM, "include_team_keys": "true"}
    page = world.shown(caller, "/key/list", **query, return_full_object="true")
    found = {key["key_alias"]: key["token"] for key in page["keys"]}
    assert sorted(found) == LISTED[caller]
    assert found == {alias: token(world.team_keys[alias]) for alias in LISTED[caller]}
    hashes = world.shown(caller, "/key/list", **query)["keys"]
    assert sorted(hashes) == sorted(found.values())


@pytest.mark.parametrize("caller", ["TA", "TM", "IU", "IV"])
def test_no_hash_of_anothers_key_is_in_what_is_ones_own(world: World, caller: str) -> None:
    own = [world.callers[caller], world.team_keys.get(USER_OF[caller], "")]
    others = [*world.callers.values(), *world.team_keys.values()]
    shown = world.get(caller, "/key/list", return_full_object="true").text
    assert [secret for secret in others if secret not in own and token(secret) in shown] == []
    keys = world.shown(caller, "/user/info")["keys"]
    assert {key["user_id"] for key in keys} == {USER_OF[caller]}


@pytest.mark.parametrize("caller", ["TA", "TM", "IU", "IV", "TK", "LK"])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/team/permissions_list", {"team_id": "?"}),
        ("/team/daily/activity", {**DAYS, "team_ids": "?"}),
        ("/key/list", {"team_id": "?"}),
        ("/user/info", {"user_id": "?"}),
        ("/key/list", {"user_id": "?"}),
    ],
)
def test_d09_a_team_or_user_of_others_might_not_exist(
    world: World, caller: str, path: str, query: Mapping[str, str]
) -> None:
    known, unknown = ("root", "no-such-user") if "user_id" in query else (OTHER, UNKNOWN)
    answers = []
    for name in (known, unknown):
        asked = {key: name if value == "?" else value for key, value in query.items()}
        answers.append(world.get(caller, path, **asked).text.replace(name, "?"))
    assert answers[0] == answers[1]


def test_keys_of_a_blocked_team_read_nothing_and_come_back(world: World) -> None:
    world.ledger.done("/team/block", {"team_id": TEAM})
    in_team = world.ledger.get("/user/info", world.team_keys["mem"])
    own = world.get("TM", "/user/info")
    world.ledger.done("/team/unblock", {"team_id": TEAM})
    assert (in_team.status_code, own.status_code) == (401, 200)
    assert world.ledger.get("/user/info", world.team_keys["mem"]).status_code == 200


def test_info_routes_of_a_key_are_those_of_the_contract(world: World) -> None:
    narrow = world.ledger.key(user_id="root", allowed_routes=["info_routes"])
    for path, status in (
        ("/team/available", 200),
        ("/key/list", 200),
        ("/user/info", 200),
        ("/team/filter/ui", 403),
        ("/team/permissions_list", 403),
        ("/team/daily/activity", 403),
    ):
        assert world.ledger.get(path, narrow).status_code == status
