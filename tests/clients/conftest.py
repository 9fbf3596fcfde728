"""One service for all clients, and what each of them connects with."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.clients.environment import NotBuiltError, build
from tests.clients.litellm_client import LiteLLM, running
from tests.clients.wire import Connect, Wire
from tests.support.ledger import Ledger, running_ledger
from tests.support.service import MASTER_KEY, ServiceProcess, launch

AVAILABLE = "open-team"


@pytest.fixture(scope="session")
def ledger(
    postgres_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    def start(env: dict[str, str]) -> ServiceProcess:
        service = launch(env, tmp_path_factory.mktemp("service") / "log")
        service.wait_until_ready()
        return service

    with running_ledger(postgres_server, start, TEAMLEDGER_AVAILABLE_TEAMS=AVAILABLE) as ledger:
        yield ledger


@pytest.fixture(scope="session")
def offered(ledger: Ledger) -> str:
    """The team that the service offers to everybody."""
    ledger.done("/team/new", {"team_id": AVAILABLE, "team_alias": "Open"})
    return AVAILABLE


@pytest.fixture
def connect(ledger: Ledger) -> Iterator[Connect]:
    with ExitStack() as open_clients:

        def connected(headers: dict[str, str]) -> Wire:
            client = httpx.Client(base_url=ledger.service.base_url, headers=headers, timeout=30)
            return Wire(open_clients.enter_context(client))

        yield connected


@pytest.fixture(scope="session")
def litellm_python() -> Path:
    """Skipped, with the reason, where it cannot be installed; `make clients` fails there."""
    try:
        return build()
    except NotBuiltError as error:
        pytest.skip(f"LiteLLM's client cannot be installed: {error}")


@pytest.fixture(scope="session")
def litellm(
    litellm_python: Path, ledger: Ledger, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiteLLM]:
    home = tmp_path_factory.mktemp("home")
    with running(litellm_python, ledger.service.base_url, MASTER_KEY, home) as client:
        yield client
