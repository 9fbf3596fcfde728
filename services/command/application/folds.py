"""Which fold belongs to which kind of stream."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from events.envelope import Envelope
from events.streams import (
    ALERT,
    AUDIT,
    BUDGET,
    DEAD_LETTERS,
    EMAIL,
    KEY,
    KEY_ALIAS,
    ORGANIZATION,
    QUARANTINE,
    SPEND,
    TEAM,
    USER,
    WEBHOOK,
    kind_and_id,
)
from events.terms import TELLING
from events.values import Value
from services.command.domain import (
    alert,
    audit,
    budget,
    dead_letters,
    key,
    organization,
    quarantine,
    reservation,
    spend,
    team,
    user,
    webhook,
)
from services.command.domain.pace import UNPACED, paced


class State(Protocol):
    """What every folded state tells."""

    @property
    def version(self) -> int: ...

    @property
    def incarnation(self) -> int: ...


AnyState = (
    team.Team
    | user.User
    | key.ApiKey
    | reservation.Reservation
    | organization.Organization
    | budget.Budget
    | spend.Spend
    | quarantine.Quarantined
    | alert.Crossed
    | webhook.Webhook
    | audit.Copies
    | dead_letters.DeadLetters
)


ORDINARY = 4_096
_PART = 64
"""Bytes that a value, or a name, in something nested takes beside its text."""

_NESTED = (dict, list)
PACED = (team.Team, user.User, key.ApiKey, organization.Organization, budget.Budget)
"""Whatever holds budgets."""


@dataclass(frozen=True, slots=True)
class Fold:
    """`weight` is a rough size in bytes, with settings of at most ORDINARY: see `bulk`."""

    initial: AnyState
    evolve: Callable[..., AnyState]
    weight: Callable[[AnyState], int]


def _team_weight(state: AnyState) -> int:
    return 3000 + 250 * len(state.roster) if isinstance(state, team.Team) else 0


def _organization_weight(state: AnyState) -> int:
    if not isinstance(state, organization.Organization):
        return 0
    return 2000 + 250 * (len(state.members) + len(state.allowances))


_RESERVATION = Fold(reservation.Reservation(), reservation.evolve, lambda _: 400)
FOLDS: dict[str, Fold] = {
    TEAM: Fold(team.Team(), team.evolve, _team_weight),
    USER: Fold(user.User(), user.evolve, lambda _: 2000),
    KEY: Fold(key.ApiKey(), key.evolve, lambda _: 2000),
    ORGANIZATION: Fold(organization.Organization(), organization.evolve, _organization_weight),
    BUDGET: Fold(budget.Budget(), budget.evolve, lambda _: 1000),
    EMAIL: _RESERVATION,
    KEY_ALIAS: _RESERVATION,
    SPEND: Fold(spend.Spend(), spend.evolve, lambda _: 400),
    AUDIT: Fold(audit.Copies(), audit.evolve, lambda _: 200),
    DEAD_LETTERS: Fold(dead_letters.DeadLetters(), dead_letters.evolve, lambda _: 200),
    QUARANTINE: Fold(quarantine.Quarantined(), quarantine.evolve, lambda _: 2000),
    ALERT: Fold(alert.Crossed(), alert.evolve, lambda _: 500),
    WEBHOOK: Fold(webhook.Webhook(), webhook.evolve, lambda _: 4000),
}


def fold_of(stream: str) -> Fold:
    """The fold of a stream by its kind; KeyError for a kind that nobody folds."""
    return FOLDS[kind_and_id(stream)[0]]


def bulk(settings: Value | None) -> int:
    """Bytes, roughly, by which settings go beyond ORDINARY: they may hold whatever callers send."""
    if settings is None or not any(type(v) in _NESTED and v for v in vars(settings).values()):
        return 0
    text = settings.model_dump_json()
    return max(len(text) + _PART * sum(map(text.count, ",:[{")) - ORDINARY, 0)


def evolve(state: AnyState, envelope: Envelope) -> AnyState:
    """Fold one fact into the state of its stream; what it says of budgets too."""
    after = fold_of(envelope.originator_id).evolve(state, envelope)
    if type(envelope.event) in TELLING and isinstance(after, PACED) and isinstance(state, PACED):
        before = UNPACED if envelope.event.begins_life else state.paces
        after = replace(after, paces=paced(before, envelope))
    return after
