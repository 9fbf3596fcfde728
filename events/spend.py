"""Facts about what was spent before there was a ledger here, stream `spend-{kind}-{id}`."""

from typing import ClassVar, Literal

from events.registry import DomainEvent, fact
from events.values import Moment, Money

SpendKind = Literal["organization", "team", "user", "key", "member", "organization_member"]


@fact("spend.opened")
class SpendOpened(DomainEvent):
    """The opening balance of one life of a thing: USD spent up to `as_of`, as another system said.

    `id` is that of the team or organization where the kind is a membership, `user_id` the member.
    """

    begins_life: ClassVar[bool] = True

    kind: SpendKind
    id: str
    user_id: str | None = None
    incarnation: int
    amount: Money
    as_of: Moment
