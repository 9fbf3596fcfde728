"""What a decision can refuse. The classes know nothing of HTTP: one table per route does.

DomainError
├── NotFound          the thing a command names does not exist (any more)
├── AlreadyExists     an id or a name is taken
├── AlreadyMember     everybody who was to be added is in the team, or organization, already
├── NotAMember        the user is not in the team, or organization
├── NotSamePerson     a user id and an e-mail address that belong to different users
├── NegativeLimit     a budget or limit below zero (register D33)
├── BudgetOrder       soft_budget is not strictly below max_budget
├── NotAssigned       a key for somebody who is not in the team
├── LastModel         a team without models would be one with all of them (register D16)
├── MaskedSecret      what answers show of a secret was sent where no such secret is kept
├── OverOwnBudget     a key that could spend more than its owner
├── BudgetInUse       a budget that others refer to (register S16)
├── LimitsMembers     a budget that is to be deleted, and is what limits members (S16)
├── NotOfMembers      what a budget that limits members does not have
├── OverOrganization  a team that may spend or use more than its organization (D05)
├── OutsideOrganization  a team that may use a model its organization may not (D06)
├── OverAllowance     throughput guaranteed to teams or keys beyond what there is of it (D07)
├── TooManyKeys       throughput guaranteed among more keys than can be counted
├── OtherOrganization a key for another organization than that of its team
├── CannotMove        a team that is too large for the organization it is to move to
├── ModelOutsideOrganization  a team that is to move, with a model it could not use there
├── NotInOrganization members of a team that moves, who are not in the organization
├── NotByUpdate       another roster in /team/update, which changes no members (register D35)
├── TeamsNotByUpdate  other teams in /user/update, which changes no memberships
├── OverTeamLimit     a key that is allowed more than the team it is to move to
├── AlreadySettled    quarantined usage about which something else was decided
├── TooManyWebhooks   one more webhook than there may be
├── OrganizationGone  a team that was in an organization which is there no more
├── NotThen           a team is to be as it was when it was not there
├── ChangedMeanwhile  what was looked up for a command is not so any more
├── NotAGateway       a key with the routes of gateways that is none, or one made into another key
├── NotResettable     spend that is to be reset to less than nothing, or more than it is, or may be
└── TooLarge          more events than one command may write, or a fact above 256 KiB
"""

from collections.abc import Sequence
from decimal import Decimal


class DomainError(Exception):
    """A command was refused; nothing was recorded."""


class NotFound(DomainError):
    def __init__(self, kind: str, identity: str) -> None:
        super().__init__(f"{kind} {identity!r} does not exist")
        self.kind, self.identity = kind, identity


class AlreadyExists(DomainError):
    def __init__(self, kind: str, identity: str) -> None:
        super().__init__(f"{kind} {identity!r} exists already")
        self.kind, self.identity = kind, identity


class AlreadyMember(DomainError):
    """`user_ids` are those asked for; a single one has its own text (team-api.md 3.9)."""

    def __init__(self, user_ids: Sequence[str]) -> None:
        super().__init__("already in the team: " + ", ".join(user_ids))
        self.user_ids = user_ids


class NotAMember(DomainError):
    def __init__(self, identity: str) -> None:
        super().__init__(f"{identity!r} is not in the team")
        self.identity = identity


class NotSamePerson(DomainError):
    def __init__(self, email: str, user_id: str) -> None:
        super().__init__(f"user_email '{email}' and user_id '{user_id}' are different users")
        self.email, self.user_id = email, user_id


class NegativeLimit(DomainError):
    def __init__(self, field: str, value: Decimal | int) -> None:
        shown = value if isinstance(value, int) else float(value)
        super().__init__(f"{field} cannot be negative. Received: {shown}")


class BudgetOrder(DomainError):
    """`blamed` is the field that was sent and breaks the order."""

    def __init__(self, soft: Decimal, maximum: Decimal, blamed: str) -> None:
        if blamed == "soft_budget":
            text = "soft_budget ({}) must be strictly lower than max_budget ({})"
            super().__init__(text.format(float(soft), float(maximum)))
        else:
            text = "max_budget ({}) must be strictly greater than soft_budget ({})"
            super().__init__(text.format(float(maximum), float(soft)))


class NotAssigned(DomainError):
    def __init__(self, user_id: str | None, team_id: str) -> None:
        super().__init__(f"User={user_id} not assigned to team={team_id}")


class OverOwnBudget(DomainError):
    def __init__(self, asked: Decimal | None, own: Decimal) -> None:
        shown = "unlimited" if asked is None else float(asked)
        super().__init__(
            f"max budget higher than user max. User max budget={float(own)}. Asked for {shown}"
        )


class BudgetInUse(DomainError):
    def __init__(self, budget_id: str, used_by: int) -> None:
        super().__init__(
            f"Budget {budget_id} is used by {used_by} organizations or keys: give those another "
            "budget first"
        )


class LimitsMembers(DomainError):
    def __init__(self, budget_id: str) -> None:
        super().__init__(
            f"Budget {budget_id} limits members: change their limits by /team/member_update, "
            "/organization/member_update or, for all members of a team, /team/update"
        )


class NotOfMembers(DomainError):
    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(
            f"A budget that limits members has no {', '.join(fields)}: only max_budget, "
            "tpm_limit, rpm_limit and budget_duration"
        )


class OverOrganization(DomainError):
    def __init__(
        self, field: str, asked: Decimal | int, most: Decimal | int, organization_id: str
    ) -> None:
        team, limit = (n if isinstance(n, int) else float(n) for n in (asked, most))
        super().__init__(
            f"Team {field} ({team}) exceeds organization's {field} ({limit}). "
            f"Organization: {organization_id}"
        )
        self.field, self.asked, self.most = field, team, limit


class OutsideOrganization(DomainError):
    def __init__(self, model: str, allowed: Sequence[str], organization_id: str) -> None:
        super().__init__(
            f"Model '{model}' not in organization's allowed models. Organization allowed "
            f"models={list(allowed)}. Organization: {organization_id}"
        )
        self.model, self.allowed = model, allowed


class OverAllowance(DomainError):
    """`taker` is what throughput is guaranteed to, `giver` what it is a part of."""

    def __init__(  # noqa: PLR0913, PLR0917 - the numbers of one sum, and whose they are
        self,
        kind: str,
        held: int,
        asked: int,
        most: int,
        taker: str = "Team",
        giver: str = "organization",
    ) -> None:
        super().__init__(
            f"Allocated {kind} limit={held} + {taker} {kind} limit={asked} is greater than "
            f"{giver} {kind} limit={most}"
        )


class TooManyKeys(DomainError):
    def __init__(self, giver: str, most: int) -> None:
        super().__init__(
            f"The {giver} has more than {most} keys: throughput can be guaranteed to none of them"
        )


class OtherOrganization(DomainError):
    def __init__(self, asked: str, team_id: str, organization_id: str) -> None:
        super().__init__(
            f"organization_id={asked} is not that of team={team_id}, whose keys count for "
            f"organization_id={organization_id}"
        )


class CannotMove(DomainError):
    def __init__(self, why: str) -> None:
        super().__init__(f"Cannot move team to organization. {why}")


class ModelOutsideOrganization(DomainError):
    def __init__(self, model: str, allowed: Sequence[str]) -> None:
        super().__init__(
            "org not allowed to access model. This org can only access "
            f"models={list(allowed)}. Tried to access {model}"
        )


class NotInOrganization(CannotMove):
    def __init__(self, user_ids: Sequence[str]) -> None:
        super().__init__(
            f"Team has user_id {list(user_ids)} that is not a member of the organization."
        )


class NotByUpdate(DomainError):
    def __init__(self) -> None:
        super().__init__(
            "members_with_roles is not what the team has, and /team/update changes no members: use "
            "/team/member_add, /team/member_update and /team/member_delete"
        )


class TeamsNotByUpdate(DomainError):
    def __init__(self) -> None:
        super().__init__(
            "teams is not what the user is in, and /user/update changes no memberships: use "
            "/team/member_add and /team/member_delete"
        )


class OverTeamLimit(DomainError):
    def __init__(self, field: str, asked: Decimal | int, most: Decimal | int) -> None:
        key, team = (n if isinstance(n, int) else float(n) for n in (asked, most))
        super().__init__(f"Key {field}={key} is greater than the team's {field}={team}")


class AlreadySettled(DomainError):
    def __init__(self, identity: str) -> None:
        super().__init__(f"Quarantined usage {identity} was settled in another way already")


class TooManyWebhooks(DomainError):
    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} webhooks, which is as many as there may be")


class OrganizationGone(DomainError):
    """A later organization of the same id is another one."""

    def __init__(self, organization_id: str) -> None:
        super().__init__(f"The organization of the team is gone. Organization: {organization_id}")


class NotThen(DomainError):
    """`ahead` tells that nobody knows yet what will be then."""

    def __init__(self, why: str, *, ahead: bool = False) -> None:
        super().__init__(why)
        self.ahead = ahead


class ChangedMeanwhile(DomainError):
    def __init__(self, identity: str) -> None:
        super().__init__(f"{identity!r} was changed meanwhile, try again")


class NotAGateway(DomainError):
    """What the key of a gateway must be, and other keys cannot."""


class NotResettable(DomainError):
    """The text says what bounds the amount."""


class LastModel(DomainError):
    def __init__(self) -> None:
        super().__init__(
            "The last model of a team cannot be deleted: a team without models may use all of "
            "them. To allow none, set models to ['no-default-models']"
        )


class MaskedSecret(DomainError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the mask of a secret that is not kept here: send it whole")


class TooLarge(DomainError):
    """The command as a whole cannot be recorded in one piece; the text says what to split."""
