"""A command that is carried out, and databases that do not tell what its answer says."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

DEADLINE = 1.0
LONGEST = 5.0


@contextmanager
def spend_locked(ledger: Ledger) -> Iterator[None]:
    """Nobody reads what was spent: an answer that shows it waits."""
    with ledger.database.transaction():
        ledger.database.execute("LOCK TABLE usage.accounts IN ACCESS EXCLUSIVE MODE")
        yield


def test_it_is_said_in_time_that_only_the_answer_is_missing(
    postgres_server: EmbeddedServer, start_service: Start
) -> None:
    settings = {"TEAMLEDGER_COMMAND_DEADLINE": str(DEADLINE)}
    with running_ledger(postgres_server, start_service, **settings) as ledger:
        ledger.done("/team/new", {"team_id": "late"})
        began = time.monotonic()
        with spend_locked(ledger):
            refused = ledger.post("/team/update", {"team_id": "late", "team_alias": "changed"})
        assert time.monotonic() - began < LONGEST
        text = "a database does not tell what the answer says, outcome: executed"
        assert_refused(refused, 503, "B", text)
        assert refused.headers["retry-after"] == "1"
        assert ledger.shown("/team/info", team_id="late")["team_info"]["team_alias"] == "changed"
