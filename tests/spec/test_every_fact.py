"""No fact is forgotten: it is in the audit log and moves the row of its thing, or it is listed."""

import pytest

from events.registry import DomainEvent, known_facts
from services.projection.filling.taker import keep_sealed
from services.projection.projectors import contract_projectors
from services.projection.projectors.audit_notes import NOTES

UNTOLD = {
    "name.reserved",
    "name.released",
    "organization.allowance_changed",
    "spend.opened",
    "thing.imported",
}
"""Consequences of facts that are told, and what an import's own report tells."""

MOVED = {
    "team": "teams_1",
    "user": "users_1",
    "key": "keys_1",
    "organization": "organizations_1",
    "webhook": "webhooks_1",
}
"""Read models whose rows tell the version of their stream, which is what `ETag` shows."""

PROJECTORS = {each.table.name: each for each in contract_projectors(keep_sealed)}
FACTS = list(known_facts())


def test_the_audit_log_tells_every_fact_but_those_listed() -> None:
    assert {fact.type_name for fact in FACTS if fact not in NOTES} == UNTOLD


@pytest.mark.parametrize(
    "fact",
    [fact for fact in FACTS if fact.type_name.partition(".")[0] in MOVED],
    ids=lambda fact: fact.type_name,
)
def test_every_fact_of_a_thing_moves_its_row(fact: type[DomainEvent]) -> None:
    table = MOVED[fact.type_name.partition(".")[0]]
    assert fact in PROJECTORS[table].facts
