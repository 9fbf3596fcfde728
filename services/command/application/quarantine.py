"""Settling what waits in quarantine: decided by one fact, then carried out, as often as needed.

The fact comes first. Whoever is killed after it leaves a chore behind, written in the same append,
and the next process carries the decision out; the other order could book a call that no audit
knows of. Carrying out is idempotent: the ledger books an id once, and only the row that was decided
about is removed. What two admins decide at once is settled by the order of their facts.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg_pool import AsyncConnectionPool

from events.quarantine import QuarantineBooked, Waited
from events.streams import QUARANTINE, stream
from events.usage import UsageRecorded
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.attribution import Claim, attributions
from services.command.application.ledger import Ledger
from services.command.application.ledger_page import Entry
from services.command.application.loop import CommandLoop
from services.command.application.requests import Decision, Origin
from services.command.application.view import View
from services.command.domain import quarantine
from services.command.domain.quarantine import Settlement
from services.command.domain.usage import Attribution

BOOK, DISCARD = "/v1/usage/quarantine/{id}/book", "/v1/usage/quarantine/{id}/discard"
SETTLE = "settle"
"""The kind of the chore that a decision leaves behind."""

_ID = re.compile("[0-9a-f]{32}")
_WAITING = """
SELECT source, request_id, reason, received_at, payload
FROM usage.quarantine WHERE id = decode(%s, 'hex')
"""
_REMOVE = """
DELETE FROM usage.quarantine WHERE id = decode(%s, 'hex') AND received_at = %s
"""


@dataclass(frozen=True, slots=True)
class SettleQuarantined:
    """Book the record, as a call that began at `started_at` or else as reported; or discard it.

    `waiting` is what waits under the id, if anything does.
    """

    id: str
    waiting: Waited | None
    decision: Literal["book", "discard"]
    started_at: datetime | None = None

    @property
    def name(self) -> str:
        return "BookQuarantinedUsage" if self.decision == "book" else "DiscardQuarantinedUsage"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(BOOK if self.decision == "book" else DISCARD, caller)
        name, state = stream(QUARANTINE, self.id), view.quarantined(self.id)
        if self.decision == "discard":
            facts = quarantine.discard(state, self.id, self.waiting)
        else:
            facts = quarantine.book(state, self.id, self.waiting, self.started_at)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: after.quarantined(self.id).settled,
            chores=[(name, SETTLE)] if facts else [],
            subject=name,
        )


@dataclass(frozen=True, slots=True)
class _Settled:
    """A command without effect: what was decided, and whose usage it is."""

    id: str
    name: str = "CarryOutSettlement"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        settled = view.quarantined(self.id).settled
        if not isinstance(settled, QuarantineBooked):
            return Decision((), lambda _: (settled, Attribution()))
        usage = _usage(settled)
        claim = Claim(usage.key_hash, usage.team_id, usage.user_id)
        attribution = attributions(view, [claim])[claim]
        return Decision((), lambda _: (settled, attribution))


def _usage(settled: QuarantineBooked) -> UsageRecorded:
    return UsageRecorded.model_validate({**settled.waited.usage, "started_at": settled.started_at})


class Quarantine:
    """What waits, and the carrying out of what was decided about it."""

    def __init__(self, loop: CommandLoop, ledger: Ledger, pool: AsyncConnectionPool[Any]) -> None:
        self._loop, self._ledger, self._pool = loop, ledger, pool

    async def waiting(self, identity: str) -> Waited | None:
        """The record that waits under this id; None if nothing does."""
        if _ID.fullmatch(identity) is None:
            return None
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_WAITING, (identity,))
            row = await cursor.fetchone()
        return None if row is None else Waited(**dict(zip(Waited.model_fields, row, strict=True)))

    async def carry_out(self, identity: str, origin: Origin) -> None:
        """Do what was decided last about a record, if anything was; doing it again does no harm.

        Raises Unavailable, and what the database raises.
        """
        done = await self._loop.handle(_Settled(identity), origin, lambda found: found)
        settled: Settlement | None
        settled, attribution = done.answer
        if settled is None:
            return
        if isinstance(settled, QuarantineBooked):
            source = settled.waited.source
            await self._ledger.book([Entry(source, _usage(settled), attribution, released=True)])
        async with self._pool.connection() as conn:
            await conn.execute(_REMOVE, (identity, settled.waited.received_at))
