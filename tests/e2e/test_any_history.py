"""Whatever teams, users, keys and an organization go through (issue 6, decision 016).

Answers are given again as of their moment, a team comes back as it was, and in the end the read
models are what an independent fold and a rebuild make of the same facts.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.command_line import invoked
from tests.support.ledger import Ledger
from tests.support.machine import Histories
from tests.support.oracle import assert_projected
from tests.support.service import MASTER_KEY, on_database

STEPS = 12
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def histories(ledger: Ledger, examples: int, *, new: bool) -> None:
    """So many random histories on one service; then all of them are folded again.

    `new` ones in every run; what fails is printed so that it can be repeated.
    """

    class Machine(Histories):
        pass

    Machine.ledger = ledger
    Machine.gateway = ledger.key(key_type="gateway", key_alias=f"gateway of {examples}")
    Machine.viewer = ledger.user(f"viewer of {examples}", "proxy_admin_viewer")
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not new,
        print_blob=True,
        suppress_health_check=PATIENT,
    )
    run_state_machine_as_test(Machine, settings=chosen)
    assert_projected(ledger.database_url, reached=settle(ledger))
    env = {**on_database(ledger.database_url), "TEAMLEDGER_MASTER_KEY": MASTER_KEY}
    rebuilt = invoked("rebuild", "--check", **env)
    assert rebuilt.exit_code == 0, rebuilt.output


def settle(ledger: Ledger) -> int:
    """Up to where the log is folded, once nothing is left to do that a deletion began."""
    while ledger.database.execute("SELECT count(*) FROM ops.chores").fetchone() != (0,):
        ledger.position()
    return ledger.position()


def test_a_few_histories(ledger: Ledger) -> None:
    histories(ledger, 10, new=False)


@pytest.mark.scale
@pytest.mark.timeout(4_800)
def test_thousands_of_histories(ledger: Ledger) -> None:
    histories(ledger, 2_000, new=True)
