"""The alitellm operator: reconciled again and again, changed, and deleted."""

import pytest

from tests.clients.alitellm_operator import Operator, headers
from tests.clients.wire import Connect, RefusedError
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

pytestmark = pytest.mark.clients
SPEC = {"max_budget": 100.0, "budget_duration": "30d", "rpm_limit": 60, "models": ["gpt-4o"]}


@pytest.fixture
def operator(connect: Connect) -> Operator:
    return Operator(connect(headers(MASTER_KEY)))


def test_a_team_is_reconciled(operator: Operator, ledger: Ledger) -> None:
    team_id = operator.reconcile("alit-core", SPEC)
    shown = ledger.shown("/team/info", team_id=team_id)["team_info"]
    assert {name: shown[name] for name in SPEC} == SPEC
    assert (shown["tpm_limit"], shown["metadata"]) == (
        None,
        {"rpm_limit_type": "best_effort_throughput"},
    )
    with ledger.nothing_stored():
        assert operator.reconcile("alit-core", SPEC) == team_id


def test_what_is_no_longer_limited_is_cleared(operator: Operator, ledger: Ledger) -> None:
    team_id = operator.reconcile("alit-clear", SPEC)
    assert operator.reconcile("alit-clear", {"models": ["gpt-4o"]}) == team_id
    shown = ledger.shown("/team/info", team_id=team_id)["team_info"]
    for name in ("max_budget", "budget_duration", "budget_reset_at", "rpm_limit"):
        assert shown[name] is None, name
    assert shown["models"] == ["gpt-4o"]


def test_an_alias_that_is_part_of_another(operator: Operator) -> None:
    longer = operator.reconcile("alit-part-of-it", SPEC)
    shorter = operator.reconcile("alit-part", SPEC)
    assert longer != shorter
    assert operator.reconcile("alit-part", SPEC) == shorter
    assert [team["team_id"] for team in operator.teams("alit-part")] == [shorter]


def test_an_alias_in_other_letters_is_another_team(operator: Operator) -> None:
    assert operator.reconcile("Alit-Case", SPEC) != operator.reconcile("alit-case", SPEC)


def test_of_two_with_one_alias_the_smaller_id(operator: Operator, ledger: Ledger) -> None:
    for team_id in ("alit-b", "alit-a"):
        ledger.done("/team/new", {"team_id": team_id, "team_alias": "alit-twice"})
    assert operator.reconcile("alit-twice", SPEC) == "alit-a"


def test_the_implicit_default_team(operator: Operator, ledger: Ledger) -> None:
    """No spec at all: an alias and four nulls; deleted it is only emptied."""
    team_id = operator.reconcile("default", {})
    operator.reconcile("default", SPEC)
    operator.reconcile("default", {})
    shown = ledger.shown("/team/info", team_id=team_id)["team_info"]
    assert (shown["max_budget"], shown["rpm_limit"]) == (None, None)


def test_a_deleted_team_is_made_again(operator: Operator) -> None:
    team_id = operator.reconcile("alit-gone", SPEC)
    operator.delete(team_id)
    assert operator.teams("alit-gone") == []
    with pytest.raises(RefusedError) as refused:
        operator.delete(team_id)
    assert refused.value.status == 404
    assert operator.reconcile("alit-gone", SPEC) != team_id
