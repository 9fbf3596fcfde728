"""kill -9 in the middle of deleting an organization: afterwards everything is deleted, once."""

import time
from collections import Counter
from pathlib import Path
from typing import LiteralString

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.loop import secret_of
from tests.support.oracle import assert_projected
from tests.support.organized import found_teams
from tests.support.service import ServiceProcess, Start, free_port
from tests.support.stored import count, stored_facts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]
TEAMS = 300
ENDS = "SELECT count(*) FROM events.stored_events WHERE topic = 'team.deleted'"
CHORES = "SELECT count(*) FROM ops.chores"


@pytest.fixture
def env(data_dir: Path) -> dict[str, str]:
    return {"TEAMLEDGER_DATA_DIR": str(data_dir), "TEAMLEDGER_PORT": str(free_port())}


def delete(service: ServiceProcess, organization_id: str) -> None:
    with service.client() as http:
        body = {"organization_ids": [organization_id]}
        answered = http.request("DELETE", "/organization/delete", json=body)
    assert answered.status_code == 200, answered.text


def wait_for(url: str, query: LiteralString, least: int, most: int) -> int:
    """The number that a query counts, once it is between these."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = count(url, query)
        if least <= found <= most:
            return found
        time.sleep(0.002)
    raise TimeoutError(query)


def test_all_teams_end_once_though_the_service_was_killed(
    start_service: Start, data_dir: Path, env: dict[str, str]
) -> None:
    service = start_service(env)
    url = EmbeddedServer(data_dir).conninfo()
    with service.client() as http:
        made = {"organization_id": "o", "organization_alias": "o"}
        assert http.post("/organization/new", json=made).status_code == 200
    names = found_teams(url, "o", [f"t{n}" for n in range(TEAMS)], keys=2)
    delete(service, "o")
    assert wait_for(url, ENDS, 1, TEAMS) < TEAMS
    service.kill()
    done = count(url, ENDS)
    assert done < TEAMS
    service = start_service(env)
    wait_for(url, CHORES, 0, 0)
    facts = stored_facts(url)
    ended = Counter(f.stream for f in facts if f.topic in {"team.deleted", "key.deleted"})
    assert (len(ended), set(ended.values())) == (3 * TEAMS, {1})
    with service.client(secret_of(names[-1])) as stranger:
        assert stranger.get("/key/info").status_code == 401
    with service.client() as http:
        assert http.get("/team/list").json() == []
    assert_projected(url)
    assert service.stop() == 0
