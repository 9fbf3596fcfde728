"""Given facts, when a command, then facts or a refusal: how the deciders are specified.

    given(created(), joined("ann")).when(RemoveMember("ann")).then(MemberRemoved(...))

The functions of the domain that take no command object have one here, so that all read alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any, cast

from events.budget import BudgetSettings
from events.key import Cause, KeySettings
from events.organization import OrganizationRole, OrganizationSettings
from events.registry import DomainEvent
from events.streams import BUDGET, EMAIL, KEY, TEAM, USER, stream
from events.streams import ORGANIZATION as ORG
from events.values import Callback, Sealed
from services.command.application.folds import FOLDS, AnyState
from services.command.domain import (
    budget,
    key,
    key_rotation,
    key_update,
    organization,
    reservation,
    team,
    team_callbacks,
    team_models,
    team_restoration,
    team_reversion,
    team_update,
    user,
    user_update,
)
from services.command.domain.errors import DomainError
from tests.support.eventlog import START, History


@dataclass(frozen=True, slots=True)
class DeleteTeam:
    team_id: str = "core"


@dataclass(frozen=True, slots=True)
class BlockTeam:
    blocked: bool = True


@dataclass(frozen=True, slots=True)
class RestoreTeam:
    """With all members looked at, of whom the `departed` are users no more."""

    keys: bool = False
    departed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RevertTeam:
    then: team.Team
    departed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ForgetUser:
    persons: Sequence[str]


@dataclass(frozen=True, slots=True)
class GiveEmail:
    email: Sealed
    claim: str


@dataclass(frozen=True, slots=True)
class DeleteUser:
    user_id: str = "ann"


@dataclass(frozen=True, slots=True)
class UpdateUser:
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GenerateKey:
    settings: KeySettings


@dataclass(frozen=True, slots=True)
class DeleteKey:
    token: str = "hash"
    cause: Cause = "key"


@dataclass(frozen=True, slots=True)
class BlockKey:
    blocked: bool = True


@dataclass(frozen=True, slots=True)
class Reserve:
    holder: str
    kind: str = "email"
    shown: str = "ann@example.com"


@dataclass(frozen=True, slots=True)
class Release:
    holder: str


@dataclass(frozen=True, slots=True)
class AddModels:
    models: Sequence[str]


@dataclass(frozen=True, slots=True)
class DeleteModels:
    models: Sequence[str]


@dataclass(frozen=True, slots=True)
class AddCallback:
    callback: Callback


@dataclass(frozen=True, slots=True)
class DisableCallbacks:
    pass


@dataclass(frozen=True, slots=True)
class UpdateKey:
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RotateKey:
    successor: str = "new"
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CarryOn:
    """The new secret of `key`, whose old one has the hash "old"."""

    key: key.ApiKey
    settings: KeySettings


@dataclass(frozen=True, slots=True)
class HandOver:
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CreateBudget:
    settings: BudgetSettings


@dataclass(frozen=True, slots=True)
class UpdateBudget:
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteBudget:
    used_by: int = 0


@dataclass(frozen=True, slots=True)
class CreateOrganization:
    settings: OrganizationSettings


@dataclass(frozen=True, slots=True)
class UpdateOrganization:
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteOrganization:
    pass


@dataclass(frozen=True, slots=True)
class AddOrganizationMembers:
    members: Sequence[organization.NewOrganizationMember]


@dataclass(frozen=True, slots=True)
class UpdateOrganizationMember:
    user_id: str
    role: OrganizationRole | None = None
    limits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoveOrganizationMember:
    user_id: str


Decide = Callable[[Any, Any], list[DomainEvent]]


def _restored(state: team.Team, command: RestoreTeam) -> list[DomainEvent]:
    members = [user_id for user_id, _ in state.roster.ordered()]
    return [
        *team_restoration.restore(state, "core", keys=command.keys),
        *team_restoration.members_back(state, members, command.departed),
    ]


_DECISIONS: dict[type, tuple[str, Decide]] = {
    team.CreateTeam: (TEAM, team.create),
    team.UpdateTeam: (TEAM, team_update.update),
    team.AddMembers: (TEAM, team.add_members),
    team.UpdateMember: (TEAM, team.update_member),
    team.RemoveMember: (TEAM, team.remove_member),
    DeleteTeam: (TEAM, lambda state, c: team.delete(state, c.team_id)),
    BlockTeam: (TEAM, lambda state, c: team.set_blocked(state, blocked=c.blocked)),
    RestoreTeam: (TEAM, _restored),
    RevertTeam: (TEAM, lambda state, c: team_reversion.revert(state, c.then, c.departed)),
    AddModels: (TEAM, lambda state, c: team_models.add_models(state, "core", c.models)),
    DeleteModels: (TEAM, lambda state, c: team_models.delete_models(state, "core", c.models)),
    AddCallback: (TEAM, lambda state, c: team_callbacks.add_callback(state, "core", c.callback)),
    DisableCallbacks: (TEAM, lambda state, _: team_callbacks.disable_callbacks(state, "core")),
    user.CreateUser: (USER, user.create),
    DeleteUser: (USER, lambda state, c: user.delete(state, c.user_id)),
    ForgetUser: (USER, lambda _, c: user.forget(c.persons)),
    UpdateUser: (
        USER,
        lambda s, c: user_update.update(s, user_update.revised(s.settings, c.changes)),
    ),
    GiveEmail: (USER, lambda state, c: [user.give_email(state, c.email, c.claim)]),
    GenerateKey: (KEY, lambda state, c: key.generate(state, c.settings)),
    UpdateKey: (KEY, lambda s, c: key_update.update(s, key_update.revised(s.settings, c.changes))),
    DeleteKey: (KEY, lambda state, c: key.delete(state, c.token, c.cause)),
    BlockKey: (KEY, lambda state, c: key.set_blocked(state, blocked=c.blocked)),
    RotateKey: (KEY, lambda s, c: key_rotation.rotate(s, "old", c.successor, c.until)),
    CarryOn: (KEY, lambda s, c: key_rotation.carry_on(s, c.key, "old", c.settings, START)),
    HandOver: (EMAIL, lambda state, c: reservation.hand_over(state, c.before, c.after)),
    CreateBudget: (BUDGET, lambda state, c: budget.create(state, "b", c.settings)),
    UpdateBudget: (BUDGET, lambda state, c: budget.update(state, "b", c.changes)),
    DeleteBudget: (BUDGET, lambda state, c: budget.delete(state, "b", c.used_by)),
    CreateOrganization: (ORG, lambda state, c: organization.create(state, "o", c.settings)),
    UpdateOrganization: (ORG, lambda state, c: organization.update(state, "o", c.changes)),
    DeleteOrganization: (ORG, lambda state, _: organization.delete(state, "o")),
    AddOrganizationMembers: (ORG, lambda s, c: organization.add_members(s, c.members)),
    UpdateOrganizationMember: (
        ORG,
        lambda s, c: organization.update_member(s, c.user_id, c.role, c.limits, "own"),
    ),
    RemoveOrganizationMember: (ORG, lambda s, c: organization.remove_member(s, c.user_id)),
    Reserve: (EMAIL, lambda state, c: reservation.reserve(state, c.kind, c.shown, c.holder)),
    Release: (EMAIL, lambda state, c: reservation.release(state, c.holder)),
}


def decide(state: AnyState, command: object) -> list[DomainEvent]:
    """What the domain decides; raises its DomainError."""
    return _DECISIONS[type(command)][1](state, command)


def after(kind: str, *facts: DomainEvent) -> AnyState:
    """The state of one stream of that kind: each fact from a command of its own."""
    history, fold = History(), FOLDS[kind]
    envelopes = [at for fact in facts for at in history.command((stream(kind, "x"), fact))]
    return reduce(fold.evolve, envelopes, fold.initial)


def team_after(*facts: DomainEvent) -> team.Team:
    return cast("team.Team", after(TEAM, *facts))


def user_after(*facts: DomainEvent) -> user.User:
    return cast("user.User", after(USER, *facts))


def budget_after(*facts: DomainEvent) -> budget.Budget:
    return cast("budget.Budget", after(BUDGET, *facts))


def organization_after(*facts: DomainEvent) -> organization.Organization:
    return cast("organization.Organization", after(ORG, *facts))


def key_after(*facts: DomainEvent) -> key.ApiKey:
    return cast("key.ApiKey", after(KEY, *facts))


def reservation_after(*facts: DomainEvent) -> reservation.Reservation:
    return cast("reservation.Reservation", after(EMAIL, *facts))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: facts, or the error that refused it."""

    facts: Sequence[DomainEvent]
    refusal: DomainError | None

    def then(self, *expected: DomainEvent) -> None:
        assert self.refusal is None, repr(self.refusal)
        assert list(self.facts) == list(expected)

    def then_raises(self, error: type[DomainError], text: str | None = None) -> None:
        """The refusal is exactly an `error`, and says exactly `text` where one is given."""
        assert type(self.refusal) is error, f"{self.refusal!r}, {self.facts}"
        assert text is None or str(self.refusal) == text


@dataclass(frozen=True, slots=True)
class Given:
    facts: Sequence[DomainEvent]

    def when(self, command: object) -> Outcome:
        kind = _DECISIONS[type(command)][0]
        try:
            return Outcome(decide(after(kind, *self.facts), command), None)
        except DomainError as refusal:
            return Outcome((), refusal)


def given(*facts: DomainEvent) -> Given:
    """What happened to the one thing that the command is about; nothing, if it never existed."""
    return Given(facts)
