"""Facts about spend that no call brought about, stream `spend-{kind}-{id}` of what has spent.

What calls cost stands in the ledger, not in the event store.
"""

from typing import ClassVar, Literal
from urllib.parse import quote

from events.registry import DomainEvent, fact
from events.streams import SPEND, Stream, stream
from events.values import Moment, Money

SpendKind = Literal["organization", "team", "user", "key", "member", "organization_member"]
EVERYWHERE = Stream(f"{SPEND}-everywhere")
"""The stream of what concerns all things of a kind at once."""


def spend_stream(kind: SpendKind, identity: str, user_id: str | None = None) -> Stream:
    """`spend-{kind}-{id}`; of a membership the id is `{quoted team or organization}/{user}`."""
    if user_id is not None:
        identity = f"{quote(identity, safe='')}/{user_id}"
    return stream(SPEND, f"{kind}-{identity}")


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


@fact("spend.reset")
class SpendReset(DomainEvent):
    """The spend of one life of a thing goes on from `amount` USD, until its window ends.

    `before` is what had counted in the window up to then. The thing is named as in SpendOpened.
    """

    kind: SpendKind
    id: str
    user_id: str | None = None
    incarnation: int
    before: Money
    amount: Money
    reason: str | None = None


@fact("spend.reset_everywhere")
class SpendResetEverywhere(DomainEvent):
    """The spend of everything there is of these kinds goes on from nothing, by rule."""

    kinds: list[Literal["key", "team"]]
    reason: str | None = None
