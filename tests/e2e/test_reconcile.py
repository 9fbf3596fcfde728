"""The proof of the ledger over HTTP and on the command line, against the real service."""

import json
import time
from typing import Any

import pytest

from tests.support.command_line import invoked
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY, ROOT_KEY

KEYS = {"TEAMLEDGER_MASTER_KEY": MASTER_KEY, "TEAMLEDGER_ROOT_KEY": ROOT_KEY}
OF_TEAM = """
UPDATE usage.days SET cost = cost + %s
WHERE account = (SELECT account FROM usage.accounts WHERE (kind, id) = ('team', 'core'))
"""


@pytest.fixture(scope="module", autouse=True)
def reported(ledger: Ledger) -> None:
    """Two calls of ann in a team, one of nobody."""
    members = [{"user_id": "ann", "role": "user"}]
    ledger.done("/team/new", {"team_id": "core", "members_with_roles": members})
    key = ledger.key(user_id="ann", team_id="core")
    gateway = ledger.key(key_type="gateway", key_alias="eu")
    call = {"started_at": time.time(), "model": "gpt-4o", "prompt_tokens": 7}
    calls = [
        {**call, "id": "1", "key": key, "cost": "0.1"},
        {**call, "id": "2", "key": key, "cost": "0.2"},
        {**call, "id": "3", "cost": "0.000000000000000001"},
    ]
    assert ledger.done("/v1/usage", calls, gateway)["accepted"] == 3


def on_command_line(ledger: Ledger, *arguments: str) -> tuple[int, str]:
    url = ledger.database_url
    result = invoked("reconcile", *arguments, TEAMLEDGER_DATABASE_URL=url, **KEYS)
    assert result.stderr == ""
    return result.exit_code, result.stdout


def as_json(ledger: Ledger) -> tuple[int, dict[str, Any]]:
    status, output = on_command_line(ledger, "--json")
    return status, json.loads(output)


def test_all_sums_are_those_of_the_records(ledger: Ledger) -> None:
    found = ledger.shown("/v1/reconcile")
    assert (found["agrees"], found["position"], found["records"]) == (True, 3, 3)
    total, of_ann = {"cost": "0.300000000000000001", "tokens": 21}, {"cost": "0.3", "tokens": 14}
    kept = {book["book"]: book["kept"] for book in found["books"]}
    nothing = {"cost": "0", "tokens": 0}
    assert kept == {
        **dict.fromkeys(("quarter", "model"), total),
        **dict.fromkeys(("team", "member", "user", "key"), of_ann),
        **dict.fromkeys(("organization", "organization_member"), nothing),
    }
    assert [book["by_records"] for book in found["books"]] == list(kept.values())
    assert as_json(ledger) == (0, found)
    status, table = on_command_line(ledger)
    assert (status, table.splitlines()[-1]) == (0, "everything agrees")


def test_a_difference_is_named_and_ends_the_command_with_1(ledger: Ledger) -> None:
    ledger.database.execute(OF_TEAM, (1,))
    found = ledger.shown("/v1/reconcile")
    assert (found["agrees"], found["differences_total"], found["differing"]["days"]) == (
        False,
        1,
        1,
    )
    [difference] = found["differences"]
    assert difference["of"]["id"] == "core"
    assert (difference["by_records"]["cost"], difference["kept"]["cost"]) == ("0.3", "1.3")
    assert as_json(ledger) == (1, found)
    status, table = on_command_line(ledger)
    assert status == 1
    assert "1 differences, of which 1 are named" in table
    ledger.database.execute(OF_TEAM, (-1,))
    assert as_json(ledger)[0] == 0


def test_only_admins_and_viewers_may_ask(ledger: Ledger) -> None:
    assert ledger.get("/v1/reconcile", ledger.user("val", "proxy_admin_viewer")).status_code == 200
    refused = ledger.get("/v1/reconcile", ledger.user("eve", "internal_user"))
    assert_refused(refused, 403, "problem", "Only proxy admins and viewers may do this.")


def test_a_database_without_a_ledger_is_told(database_url: str) -> None:
    result = invoked("reconcile", TEAMLEDGER_DATABASE_URL=database_url, **KEYS)
    assert result.exit_code == 2
    assert "it has no ledger" in result.stderr
