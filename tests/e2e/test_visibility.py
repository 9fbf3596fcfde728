"""What is shown to whom, with real keys (team-api.md 1.4; D08, D09, D12, D20, D22, A06, A10)."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.visible import OTHER, TEAM, UNKNOWN, USER_OF, World, make_world
from tests.support.auditor import token
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused, refusal


@pytest.fixture(scope="module")
def world(ledger: Ledger) -> World:
    return make_world(ledger)


# The GET rows of the matrix (1.4)

MATRIX = {
    ("/team/info", TEAM): {"PA": 200, "PV": 200, "TA": 200, "TM": 200, "TK": 200},
    ("/team/info", OTHER): {"PA": 200, "PV": 200},
    ("/team/info", UNKNOWN): {"PA": 404, "PV": 404},
    ("/team/list", "all"): {"PA": 200, "PV": 200},
    ("/team/list", "own"): dict.fromkeys(("PA", "PV", "TA", "TM", "IU", "IV"), 200),
    ("/team/list", "foreign"): {"PA": 200, "PV": 200},
    ("/v2/team/list", "all"): {"PA": 200, "PV": 200},
    ("/v2/team/list", "own"): dict.fromkeys(("PA", "PV", "TA", "TM", "IU", "IV"), 200),
    ("/v2/team/list", "foreign"): {"PA": 200, "PV": 200},
    ("/audit", "all"): {"PA": 200, "PV": 200},
}
"""Who is answered; all others are refused: /team/info 403, the rest 401."""


@pytest.mark.parametrize("caller", ["PA", "PV", "TA", "TM", "IU", "IV", "TK", "LK"])
@pytest.mark.parametrize(("path", "what"), MATRIX)
def test_the_matrix(world: World, caller: str, path: str, what: str) -> None:
    query = {"team_id": what} if path == "/team/info" else {}
    if what in ("own", "foreign"):
        query = {"user_id": "colleague" if what == "foreign" else USER_OF.get(caller, "None")}
    response = world.get(caller, path, **query)
    refused = 403 if path == "/team/info" else 401
    assert response.status_code == MATRIX[path, what].get(caller, refused)
    if response.status_code == refused:
        shape, _ = refusal(response)
        assert shape == ("A" if path.endswith("/list") else "B")


@pytest.mark.parametrize("path", ["/team/list", "/v2/team/list"])
def test_nobody_is_not_the_user_of_a_key_without_one(world: World, path: str) -> None:
    for caller in ("TK", "LK"):
        for user_id in ("", "None", "null"):
            says = "Only admin users can query all teams/other teams. Your user role=internal_user"
            assert_refused(world.get(caller, path, user_id=user_id), 401, "A", says)


# Keys of a team (D08)

ALL_KEYS = ["TK", "colleague", "lead", "mem", "service"]
SEEN_KEYS = {
    "PA": (ALL_KEYS, True),
    "PV": (ALL_KEYS, True),
    "TA": (ALL_KEYS, True),
    "TM": (["TK", "mem", "service"], False),
    "TK": (["TK", "service"], False),
}
"""Aliases that a caller sees, and whether with their hashes."""


@pytest.mark.parametrize("caller", SEEN_KEYS)
def test_keys_in_the_team(world: World, caller: str) -> None:
    info = world.shown(caller, "/team/info", team_id=TEAM)
    check_keys(world, caller, info["keys"])
    assert [m["user_id"] for m in info["team_info"]["members_with_roles"]] == [
        *("lead", "mem", "colleague", "default_user_id")
    ]
    assert len(info["team_memberships"]) == 4


@pytest.mark.parametrize("caller", ["PA", "PV", "TA", "TM"])
def test_keys_in_the_list(world: World, caller: str) -> None:
    query = {} if caller in ("PA", "PV") else {"user_id": USER_OF[caller]}
    teams = {team["team_id"]: team for team in world.shown(caller, "/team/list", **query)}
    check_keys(world, caller, teams[TEAM]["keys"])


def check_keys(world: World, caller: str, keys: list[Any]) -> None:
    aliases, with_token = SEEN_KEYS[caller]
    assert sorted(key["key_alias"] for key in keys) == aliases
    hashes = {alias: token(secret) for alias, secret in world.team_keys.items()}
    expected = {alias: hashes[alias] if with_token else None for alias in aliases}
    assert {key["key_alias"]: key.get("token") for key in keys} == expected


@pytest.mark.parametrize("caller", ["TM", "TK"])
def test_no_hash_of_another_key_is_anywhere_in_the_answer(world: World, caller: str) -> None:
    text = world.get(caller, "/team/info", team_id=TEAM).text
    assert [a for a, secret in world.team_keys.items() if token(secret) in text] == []


# One key (A06, A10)

READ_KEYS = {
    "PA": {*ALL_KEYS, "lone"},
    "PV": {*ALL_KEYS, "lone"},
    "TA": {*ALL_KEYS},
    "TM": {*ALL_KEYS},  # by the default permissions of members
    "IU": set[str](),
    "TK": {"TK"},
    "LK": {"lone"},
}


@pytest.mark.parametrize("caller", READ_KEYS)
def test_key_info(world: World, caller: str) -> None:
    secrets = {**world.team_keys, "lone": world.callers["LK"]}
    for alias, secret in secrets.items():
        for name in (secret, token(secret)):
            response = world.get(caller, "/key/info", key=name)
            assert (response.status_code == 200) == (alias in READ_KEYS[caller]), alias
            if response.status_code == 200:
                info = response.json()["info"]
                assert (info["key_alias"], "token" in info) == (alias, False)


def test_members_without_the_permission_read_their_own_key_only(world: World) -> None:
    team = {"team_id": TEAM, "team_member_permissions": ["/key/generate"]}
    world.ledger.done("/team/update", team)
    answered = {
        alias: world.get("TM", "/key/info", key=secret).status_code
        for alias, secret in world.team_keys.items()
    }
    world.ledger.done("/team/update", {**team, "team_member_permissions": []})
    assert answered == {alias: 200 if alias == "mem" else 403 for alias in ALL_KEYS}


@pytest.mark.parametrize("caller", ["PA", "PV", "TA", "TM", "IU", "TK", "LK"])
def test_every_key_reads_itself(world: World, caller: str) -> None:
    info = world.shown(caller, "/key/info")
    assert info["key"] == token(world.callers[caller])
    assert info["info"]["user_id"] == USER_OF.get(caller)


# Unknown and forbidden are the same (D09)


@pytest.mark.parametrize("caller", ["IU", "IV", "TK", "LK", "TM", "TA"])
def test_a_team_that_is_not_ones_own_might_not_exist(world: World, caller: str) -> None:
    answers = [
        world.get(caller, "/team/info", team_id=team_id).text.replace(team_id, "?")
        for team_id in (OTHER, UNKNOWN)
    ]
    assert answers[0] == answers[1]
    assert "not authorized to access this team=?" in answers[0]


@pytest.mark.parametrize("caller", ["IU", "TK", "LK", "TM"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/team/member_add", {"member": {"user_id": "new", "role": "user"}}),
        ("/team/member_update", {"user_id": "default_user_id", "role": "user"}),
        ("/team/member_delete", {"user_id": "default_user_id"}),
        ("/key/generate", {}),
        ("/team/block", {}),
        ("/team/update", {"max_budget": 1}),
        ("/team/new", {}),
    ],
)
def test_writers_learn_of_no_team(
    world: World, caller: str, path: str, body: Mapping[str, object]
) -> None:
    with world.ledger.nothing_stored():
        known, unknown = (world.post(caller, path, team_id=t, **body) for t in (OTHER, UNKNOWN))
    assert known.status_code == unknown.status_code
    assert known.text.replace(OTHER, "?") == unknown.text.replace(UNKNOWN, "?")
    assert 400 <= known.status_code < 404


@pytest.mark.parametrize("path", ["/key/block", "/key/unblock", "/key/delete"])
def test_a_key_of_others_might_not_exist(world: World, path: str) -> None:
    known, unknown = world.team_keys["service"], "sk-unknown"
    with world.ledger.nothing_stored():
        answers = [world.post("IU", path, key=key, keys=[key]) for key in (known, unknown)]
    assert [a.status_code for a in answers] == [404, 404]
    assert answers[0].text.replace(known, "?") == answers[1].text.replace(unknown, "?")


@pytest.mark.parametrize("caller", ["IU", "LK", "TK"])
def test_a_key_to_read_might_not_exist(world: World, caller: str) -> None:
    answers = [
        world.get(caller, "/key/info", key=key) for key in (world.team_keys["lead"], "sk-unknown")
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].text == answers[1].text


# Lists of teams: D12, D20, D22


@pytest.mark.parametrize("caller", ["PA", "PV"])
def test_admins_and_viewers_see_all_teams_and_those_of_anybody(world: World, caller: str) -> None:
    teams = {TEAM, OTHER}
    assert teams <= {t["team_id"] for t in world.shown(caller, "/team/list")}
    assert teams <= {t["team_id"] for t in world.shown(caller, "/v2/team/list")["teams"]}
    (theirs,) = world.shown(caller, "/team/list", user_id="mem")
    assert [m["user_id"] for m in theirs["team_memberships"]] == ["mem"]
    page = world.shown(caller, "/v2/team/list", user_id="mem")
    assert ([t["team_id"] for t in page["teams"]], page["total"]) == ([TEAM], 1)
    assert world.shown(caller, "/team/list", user_id="view") == []


@pytest.mark.parametrize(("caller", "teams"), [("TA", [TEAM]), ("TM", [TEAM]), ("IU", [])])
def test_others_see_their_own_teams(world: World, caller: str, teams: list[str]) -> None:
    own = {"user_id": USER_OF[caller]}
    assert [t["team_id"] for t in world.shown(caller, "/team/list", **own)] == teams
    assert [t["team_id"] for t in world.shown(caller, "/v2/team/list", **own)["teams"]] == teams


def test_deleted_teams_are_shown_to_those_who_were_in_them(world: World) -> None:
    members = [{"user_id": user, "role": "user"} for user in ("mem", "out")]
    world.ledger.done("/team/new", {"team_id": "gone", "members_with_roles": members})
    world.ledger.done("/team/member_delete", {"team_id": "gone", "user_id": "out"})
    assert world.post("PA", "/team/delete", team_ids=["gone"]).status_code == 200
    for caller, query, teams in (
        ("PA", {}, ["gone"]),
        ("PV", {}, ["gone"]),
        ("PA", {"user_id": "mem"}, ["gone"]),
        ("PV", {"user_id": "out"}, []),
        ("TM", {"user_id": "mem"}, ["gone"]),
        ("IU", {"user_id": "out"}, []),
    ):
        page = world.shown(caller, "/v2/team/list", status="deleted", **query)
        assert [t["team_id"] for t in page["teams"]] == teams, (caller, query)
        assert {t["deleted_by"] for t in page["teams"]} <= {"root"}
    assert world.get("TM", "/team/info", team_id="gone").status_code == 403


# A key narrows, and its team's state holds for reading too (D02, D10)


def test_allowed_routes_only_narrow(world: World) -> None:
    narrow = world.ledger.key(user_id="root", allowed_routes=["/team/info"])
    assert world.ledger.get("/team/info", narrow, team_id=TEAM).status_code == 200
    answered = world.ledger.get("/team/list", narrow)
    assert_refused(answered, 403, "bare", "Only allowed to call routes: ['/team/info']")
    wide = world.ledger.key(user_id="out", allowed_routes=["/audit", "/team/info"])
    assert_refused(world.ledger.get("/audit", wide), 401, "B", "Only proxy admin")


def test_keys_of_a_blocked_team_read_nothing(world: World) -> None:
    world.ledger.done("/team/block", {"team_id": TEAM})
    answers = [
        world.get("TK", path, **query)
        for path, query in (("/team/info", {"team_id": TEAM}), ("/key/info", {}))
    ]
    own = world.get("TM", "/team/info", team_id=TEAM)
    world.ledger.done("/team/unblock", {"team_id": TEAM})
    for answer in answers:
        assert_refused(answer, 401, "B", f"Team={TEAM} is blocked")
    assert own.status_code == 200
