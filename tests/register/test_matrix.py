"""The matrix of team-api.md 1.4, row by row and cell by cell, with real keys."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.database.embedded import EmbeddedServer
from tests.e2e.visible import make_world
from tests.register.matrix import (
    ACME,
    BETA,
    BY_ROUTE,
    CELL,
    CHIEF,
    OFFERED,
    Matrix,
    cells,
    user_of,
)
from tests.support.ledger import running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

OF_OTHERS = "Only admin users can query all teams/other teams."
DAYS = {"start_date": "2026-01-01", "end_date": "2026-12-31"}


@pytest.fixture(scope="module")
def matrix(postgres_server: EmbeddedServer, start: Start) -> Iterator[Matrix]:
    offered = {"TEAMLEDGER_AVAILABLE_TEAMS": OFFERED}
    with running_ledger(postgres_server, start, **offered) as ledger:
        made = Matrix(make_world(ledger), ledger.user(CHIEF))
        for name in (ACME, BETA):
            body = {"organization_id": name, "organization_alias": name}
            ledger.done("/organization/new", body)
        member = {"user_id": CHIEF, "role": "org_admin"}
        ledger.done("/organization/member_add", {"organization_id": ACME, "member": member})
        ledger.done("/team/new", {"team_id": OFFERED})
        members = [{"user_id": CHIEF, "role": "user"}]
        ledger.done("/team/new", {"team_id": "chief's own", "members_with_roles": members})
        for caller in ("OA", "OB"):
            made.team("there", caller)
        yield made


def ids(teams: list[Any]) -> set[str]:
    return {team["team_id"] for team in teams}


def of_acme(matrix: Matrix) -> set[str]:
    return ids(matrix.shown("/team/list", "PA", organization_id=ACME))


@pytest.mark.parametrize(CELL, cells("m01"))
def test_m01_new_without_an_organization(
    matrix: Matrix, path: str, caller: str, status: int
) -> None:
    refused = matrix.send(path, {"models": ["a"]}, (caller, matrix.key(caller)), status)
    if status == 401:
        says = "Passed organization_id is None" if caller in {"OA", "OB"} else BY_ROUTE
        assert_refused(refused, 401, "B", says)


@pytest.mark.parametrize(CELL, cells("m02"))
def test_m02_new_in_ones_own_organization(
    matrix: Matrix, path: str, caller: str, status: int
) -> None:
    """OB is in another one; everybody else but the admins is in none."""
    sent = {"organization_id": BETA if caller == "OB" else ACME}
    by = caller, matrix.key(caller)
    refused = matrix.send(path, sent, by, status, organization_id=ACME)
    if status == 401:
        says = "do not have the required role to call /team/new" if caller == "OB" else BY_ROUTE
        assert_refused(refused, 401, "B", says)


@pytest.mark.parametrize(CELL, cells("m03"))
def test_m03_update(matrix: Matrix, path: str, caller: str, status: int) -> None:
    matrix.write(path, caller, status)


@pytest.mark.parametrize(CELL, cells("m04"))
def test_m04_delete(matrix: Matrix, path: str, caller: str, status: int) -> None:
    matrix.write(path, caller, status)


@pytest.mark.parametrize(CELL, cells("m05"))
def test_m05_block_and_unblock(matrix: Matrix, path: str, caller: str, status: int) -> None:
    matrix.write(path, caller, status)


@pytest.mark.parametrize(CELL, cells("m06"))
def test_m06_info(matrix: Matrix, path: str, caller: str, status: int) -> None:
    team_id = matrix.team(path, caller)
    response = matrix.ledger.get(path, matrix.key(caller, team_id), team_id=team_id)
    if status == 200:
        assert (response.status_code, response.json().get("team_id")) == (200, team_id)
    else:
        assert_refused(response, status, "B", f"not authorized to access this team={team_id}")


@pytest.mark.parametrize(CELL, cells("m07"))
def test_m07_list(matrix: Matrix, path: str, caller: str, status: int) -> None:
    """Who does not see all teams sees those of his organizations."""
    response = matrix.ledger.get(path, matrix.key(caller))
    if status != 200:
        assert_refused(response, status, "A", OF_OTHERS)
        return
    assert response.status_code == 200
    everything = ids(matrix.shown("/v2/team/list", "PA", page_size=100)["teams"])
    expected = everything if caller in {"PA", "PV"} else of_acme(matrix)
    assert ids(response.json()) == expected
    assert of_acme(matrix) < everything


@pytest.mark.parametrize(CELL, cells("m08"))
def test_m08_list_of_ones_own(matrix: Matrix, path: str, caller: str, status: int) -> None:
    response = matrix.ledger.get(path, matrix.key(caller), user_id=user_of(caller))
    if status != 200:
        assert_refused(response, status, "A", OF_OTHERS)
        return
    assert response.status_code == 200
    expected = ids(matrix.shown(path, "PA", user_id=user_of(caller)))
    if caller in {"OA", "OB"}:
        assert "chief's own" in expected - of_acme(matrix)
        expected |= of_acme(matrix)
    assert ids(response.json()) == expected


@pytest.mark.parametrize(CELL, cells("m09"))
def test_m09_pages_of_all(matrix: Matrix, path: str, caller: str, status: int) -> None:
    response = matrix.ledger.get(path, matrix.key(caller), page_size=100)
    if status != 200:
        assert_refused(response, status, "A", OF_OTHERS)
        return
    assert ids(response.json()["teams"]) == ids(matrix.shown("/team/list", "PA"))


@pytest.mark.parametrize(CELL, cells("m10"))
def test_m10_pages_of_ones_own(matrix: Matrix, path: str, caller: str, status: int) -> None:
    own: dict[str, str | int] = {"user_id": user_of(caller), "page_size": 100}
    response = matrix.ledger.get(path, matrix.key(caller), **own)
    if status != 200:
        assert_refused(response, status, "A", OF_OTHERS)
        return
    expected = ids(matrix.shown("/team/list", "PA", user_id=user_of(caller)))
    assert ids(response.json()["teams"]) == expected


@pytest.mark.parametrize(CELL, cells("m11"))
def test_m11_available(matrix: Matrix, path: str, caller: str, status: int) -> None:
    response = matrix.ledger.get(path, matrix.key(caller))
    if status == 200:
        assert ids(response.json()) == {OFFERED}
    else:
        assert_refused(response, status, "A", "User not found")


@pytest.mark.parametrize(CELL, cells("m12"))
def test_m12_search(matrix: Matrix, path: str, caller: str, status: int) -> None:
    response = matrix.ledger.get(path, matrix.key(caller), team_id=OFFERED)
    if status == 200:
        assert ids(response.json()) == {OFFERED}
    else:
        says = f"Trying to access: {path}" if caller == "PV" else BY_ROUTE
        assert_refused(response, status, "B", says)


@pytest.mark.parametrize(CELL, cells("m13"))
def test_m13_member_add(matrix: Matrix, path: str, caller: str, status: int) -> None:
    matrix.write(path, caller, status)


@pytest.mark.parametrize(CELL, cells("m14"))
def test_m14_bulk_member_add(matrix: Matrix, path: str, caller: str, status: int) -> None:
    matrix.write(path, caller, status)


@pytest.mark.parametrize(CELL, cells("m15"))
def test_m15_member_update_and_delete(matrix: Matrix, path: str, caller: str, status: int) -> None:
    matrix.write(path, caller, status)


@pytest.mark.parametrize(CELL, cells("m16"))
def test_m16_model_add_and_delete(matrix: Matrix, path: str, caller: str, status: int) -> None:
    matrix.write(path, caller, status)


@pytest.mark.parametrize(CELL, cells("m17"))
def test_m17_permissions(matrix: Matrix, path: str, caller: str, status: int) -> None:
    if path.endswith("_update"):
        matrix.write(path, caller, status)
        return
    team_id = matrix.team(path, caller)
    response = matrix.ledger.get(path, matrix.key(caller, team_id), team_id=team_id)
    if status == 200:
        assert (response.status_code, response.json().get("team_id")) == (200, team_id)
    else:
        assert_refused(response, status, "A", f"route={path}, team_id={team_id}")


@pytest.mark.parametrize(CELL, cells("m18"))
def test_m18_daily_activity(matrix: Matrix, path: str, caller: str, status: int) -> None:
    """Of a team that is not one's own; who asks for none is shown what is his."""
    team_id = matrix.team(path, caller)
    key = matrix.key(caller, team_id)
    response = matrix.ledger.get(path, key, team_ids=team_id, **DAYS)
    if status != 200:
        unknown = "User= None not found" if caller == "TK" else f"not belong to Team= {team_id}."
        assert_refused(response, status, "A", unknown)
    unnamed = matrix.ledger.get(path, key, **DAYS).status_code
    assert (response.status_code, unnamed) == (status, 404 if caller == "TK" else 200)


@pytest.mark.parametrize(CELL, cells("m19"))
def test_m19_callback_and_disable_logging(
    matrix: Matrix, path: str, caller: str, status: int
) -> None:
    matrix.write(path, caller, status)
    read = matrix.ledger.get("/team/there/callback", matrix.key(caller))
    assert read.status_code == (404 if caller == "PA" else status)
