"""One service for the whole register, which logs its statements; one more in strict mode."""

from collections.abc import Iterator

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.service import ServiceProcess, Start, launch
from tests.support.statements import Statements, log_statements


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """As `start_service`, for the session; a Ledger stops what it started."""

    def started(env: dict[str, str]) -> ServiceProcess:
        service = launch(env, tmp_path_factory.mktemp("service") / "log")
        service.wait_until_ready()
        return service

    return started


@pytest.fixture(scope="session")
def ledger(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    def logging(env: dict[str, str]) -> ServiceProcess:
        log_statements(env["TEAMLEDGER_DATABASE_URL"])
        return start(env)

    with running_ledger(postgres_server, logging) as running:
        yield running


@pytest.fixture(scope="session")
def strict(postgres_server: EmbeddedServer, start: Start) -> Iterator[Ledger]:
    """A service that keeps LiteLLM's wording."""
    with running_ledger(postgres_server, start, TEAMLEDGER_COMPAT="strict") as running:
        yield running


@pytest.fixture(scope="module")
def olga(ledger: Ledger) -> str:
    """The key of an admin of `acme` who is a plain member of `other`; both have one team.

    For modules with a service of their own.
    """
    key = ledger.user("olga")
    for name, role in (("acme", "org_admin"), ("other", "internal_user")):
        limits = {"max_budget": 100, "tpm_limit": 1000, "rpm_limit": 100, "models": ["m", "n"]}
        ledger.done(
            "/organization/new", {"organization_id": name, "organization_alias": name, **limits}
        )
        member = {"user_id": "olga", "role": role}
        ledger.done("/organization/member_add", {"organization_id": name, "member": member})
        team = {"team_id": f"{name}-team", "organization_id": name, "models": ["m"]}
        ledger.done("/team/new", team)
    return key


@pytest.fixture
def statements(postgres_server: EmbeddedServer, ledger: Ledger) -> Statements:
    """What the services on the database of `ledger` ask of it."""
    return Statements(postgres_server.data_dir / "postgres" / "server.log", ledger.database)
