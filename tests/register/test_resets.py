"""D41: a reset that overwrites what changes meanwhile. Windows end here without being written."""

import time

from tests.support.ledger import Ledger

SECONDS = 10.0


def reset_at(ledger: Ledger) -> str:
    return str(ledger.shown("/team/info", team_id="reset")["team_info"]["budget_reset_at"])


def test_d41_a_window_that_ends_changes_nothing_of_the_team(ledger: Ledger) -> None:
    """LiteLLM's job wrote whole rows back, as it had read them before."""
    ledger.done("/team/new", {"team_id": "reset", "max_budget": 5, "budget_duration": "1s"})
    first, deadline = reset_at(ledger), time.monotonic() + SECONDS
    ledger.done("/team/update", {"team_id": "reset", "team_alias": "renamed", "tpm_limit": 7})
    with ledger.nothing_stored():
        while reset_at(ledger) == first:  # each look is a request
            assert time.monotonic() < deadline
    info = ledger.shown("/team/info", team_id="reset")["team_info"]
    assert (info["team_alias"], info["tpm_limit"], info["max_budget"]) == ("renamed", 7, 5.0)
