"""One service, on an empty database, for all tests of a module."""

from collections.abc import Iterator

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.service import Start


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    with running_ledger(postgres_server, start_service) as running:
        yield running
