"""Looks what was booked, and which budgets were set, since it last looked, and tells of thresholds.

How far it has looked is saved after the facts are recorded. Whoever is killed before that looks
again, and finds everything told already (decision 015). So nothing is lost, nothing told twice, and
booking waits for none of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import psycopg
import psycopg_pool
import structlog
import uuid_utils
from psycopg_pool import AsyncConnectionPool

from events.registry import known_facts
from events.streams import KEY, stream
from events.terms import TELLING
from services.access.principal import Credential, Principal
from services.command.application.alerts import Looked, Stretch, TellCrossings
from services.command.application.budget_rooms import Rooms, Spent
from services.command.application.loop import CommandLoop
from services.command.application.requests import Decision, Origin, Unavailable
from services.command.application.spent import Spent as Sums
from services.command.application.view import View
from services.database.alone import alone
from services.database.background import Background
from services.spend.budgets import Account
from services.spend.reading import SpendReading

log = structlog.get_logger(__name__)

LOCK = 7305233
LOOK_SECONDS = 1.0
AT_ONCE = 50_000
"""Records, or facts, that are looked through at a time."""

PORTION = 50
"""Things in one command: a few milliseconds, in which others wait."""

_KEYS_AND_RETURNS = ("key.", "team.restored", "team.members_restored")
_TOPICS = sorted(
    fact.type_name
    for fact in known_facts()
    if fact in TELLING or fact.type_name.startswith(_KEYS_AND_RETURNS)
)
"""The facts that may have a thing judged by another budget than before."""

_OF_MEMBERS = sorted(fact.type_name for fact in TELLING if "user_id" in fact.model_fields)
_SYSTEM = Credential(token="", tail="", master=True)

_SEEN = """
SELECT w.ledger, w.log, (SELECT coalesce(max(position), 0) FROM usage.batches),
    (SELECT coalesce(max(notification_id), 0) FROM events.stored_events)
FROM ops.budget_watch w
"""
_SEE = """
UPDATE ops.budget_watch SET ledger = greatest(ledger, %s), log = greatest(log, %s)
"""
# Nothing is reached by what costs nothing. Calls are told apart by the quarter in which they began.
_BOOKED = """
WITH news AS MATERIALIZED (
    SELECT series, date_bin('15 minutes', started_at, '2000-01-01T00:00:00Z') AS quarter,
        min(started_at) AS first, max(started_at) AS last, sum(cost) AS usd
    FROM usage.records WHERE position > %s AND position <= %s AND cost > 0 GROUP BY 1, 2
)
SELECT a.kind, a.id, a.incarnation, a.member, min(n.first), max(n.last), sum(n.usd)
FROM news n JOIN usage.series s USING (series) CROSS JOIN LATERAL (VALUES (s.organization),
    (s.team), (s.member), (s.organization_member), (s."user"), (s.key)) x(account)
JOIN usage.accounts a USING (account)
GROUP BY a.account, n.quarter ORDER BY a.account, n.quarter
"""
# A budget is set in the stream of what has it, there maybe for one member, or in that of a budget
# which keys and organizations share. A key may have spent under another hash than the one it has.
_SET = """
WITH told AS (
    SELECT originator_id AS name, CASE WHEN topic = ANY (%(of_members)s)
            THEN convert_from(state, 'UTF8')::json->'data'->>'user_id' END AS member,
        bool_or(topic IN ('key.budget_changed', 'key.details_changed')) AS changed
    FROM events.stored_events
    WHERE notification_id > %(after)s AND notification_id <= %(until)s AND topic = ANY (%(topics)s)
    GROUP BY 1, 2
), things AS (
    SELECT name, member, changed FROM told
    UNION SELECT d.child, NULL, true FROM told t JOIN ops.dependents d ON d.parent = t.name
    WHERE t.name LIKE 'budget-%%' AND d.kind IN ('keys', 'organizations')
), named AS (
    SELECT split_part(name, '-', 1) AS kind, substr(name, strpos(name, '-') + 1) AS id, member,
        changed
    FROM things
)
SELECT a.kind, a.id, a.incarnation, a.member
FROM named t CROSS JOIN LATERAL unnest(CASE t.kind WHEN 'team' THEN ARRAY['team', 'member']
    WHEN 'organization' THEN ARRAY['organization', 'organization_member']
    WHEN 'user' THEN ARRAY['user'] WHEN 'key' THEN ARRAY['key'] END) AS k(kind)
JOIN usage.accounts a ON a.kind = k.kind AND a.id = t.id
    AND (t.member IS NULL OR a.member = t.member)
UNION
SELECT 'key', id, 1, '' FROM named WHERE kind = 'key' AND changed
ORDER BY 1, 2, 3, 4
"""
_MARKED = """
SELECT EXISTS (SELECT FROM events.stored_events
    WHERE notification_id > %s AND notification_id <= %s AND topic LIKE 'spend.%%')
"""


@dataclass(frozen=True, slots=True)
class _LookUpRotations:
    """Answers under which other hashes these keys were, and are."""

    tokens: Sequence[str]
    name: str = "LookUpRotations"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        view.need(stream(KEY, token) for token in self.tokens)
        keys = [view.key(token) for token in self.tokens]
        found = {key.before for key in keys if key.before is not None}
        found |= {key.rotation.successor for key in keys if key.rotation is not None}
        return Decision((), lambda _: found)


class BudgetWatch(Background):
    """Looks once a second. Any number of processes may be about to; one of them does.

    `percents` are the thresholds of every budget, `zone` aligns windows.
    """

    task_name = "budget watch"

    def __init__(
        self,
        loop: CommandLoop,
        pool: AsyncConnectionPool[Any],
        percents: Sequence[int],
        zone: tzinfo,
    ) -> None:
        self._loop, self._pool = loop, pool
        self._percents, self._zone = percents, zone
        self._sums = SpendReading(pool).sums
        self._rooms = Rooms()

    async def _run(self) -> None:
        while True:
            try:
                await self._watch()
            except (psycopg.Error, psycopg_pool.PoolTimeout, Unavailable) as error:
                log.warning("budgets are not watched now", error=type(error).__name__)
            except Exception:
                log.exception("budgets are not watched now")
            await asyncio.sleep(LOOK_SECONDS)

    async def _watch(self) -> None:
        """Look again and again, unless another process does: who has looked knows what matters."""
        async with self._alone() as conn:
            while conn is not None:
                await self._look_through(conn)
                await asyncio.sleep(LOOK_SECONDS)

    async def work_off(self) -> None:
        """Look at everything that is there now, unless another process is at it.

        Raises Unavailable, and what the database raises; then it is to be done again.
        """
        async with self._alone() as conn:
            if conn is not None:
                await self._look_through(conn)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[psycopg.AsyncConnection[Any] | None]:
        """A connection while no other process has one of these; None where one does."""
        async with self._pool.connection() as conn, alone(conn, LOCK) as is_alone:
            yield conn if is_alone else None

    async def _look_through(self, conn: psycopg.AsyncConnection[Any]) -> None:
        while await self._look(conn):
            pass

    async def _look(self, conn: psycopg.AsyncConnection[Any]) -> bool:
        """Look at the next part; whether more was there already."""
        cursor = await conn.execute(_SEEN)
        ledger, facts, last_record, last_fact = await cursor.fetchone() or (0, 0, 0, 0)
        before, upto = (ledger, facts), _next(ledger, last_record, facts, last_fact)
        if upto == before:
            return False
        self._rooms.begin(before)
        now = datetime.now(UTC)
        changed = await self._changed(conn, facts, upto[1])
        stretches = [Stretch(account, now, now) for account in changed]
        stretches += await self._spent(conn, ledger, upto[0])
        await self._tell(stretches, cause=f"usage/{upto[0]}")
        await conn.execute(_SEE, upto)
        self._rooms.end(upto)
        return upto != (last_record, last_fact)

    async def _changed(
        self, conn: psycopg.AsyncConnection[Any], after: int, until: int
    ) -> list[Account]:
        """What was given a budget, or may have been."""
        given = {"after": after, "until": until, "topics": _TOPICS, "of_members": _OF_MEMBERS}
        cursor = await conn.execute(_SET, given, binary=True)
        changed = [Account(*who) for who in await cursor.fetchall()]
        self._rooms.forget(changed)
        if await (await conn.execute(_MARKED, (after, until))).fetchone() == (True,):
            self._rooms.forget_all()
        return changed

    async def _spent(
        self, conn: psycopg.AsyncConnection[Any], after: int, until: int
    ) -> list[Stretch]:
        """Where something was spent that may have reached a threshold."""
        cursor = await conn.execute(_BOOKED, (after, until), binary=True)
        rows = await cursor.fetchall()
        booked = (Spent(Account(*who), first, last, usd) for *who, first, last, usd in rows)
        return [Stretch(*one[:3]) for one in booked if not self._rooms.holds(one)]

    async def _tell(self, stretches: Sequence[Stretch], cause: str) -> None:
        """`cause` is up to where the ledger was looked at."""
        for start in range(0, len(stretches), PORTION):
            began = time.monotonic()
            portion = stretches[start : start + PORTION]
            await self._bring(one.account.id for one in portion if one.account.kind == KEY)
            while (looked := await self._carry_out(portion, cause)).more:
                pass
            self._rooms.keep(looked.rooms)
            await asyncio.sleep(time.monotonic() - began)

    async def _bring(self, tokens: Iterable[str]) -> None:
        """Have keys at hand, under all their hashes, however often they were rotated."""
        known, next_ones = set[str](), set(tokens)
        while next_ones:
            known |= next_ones
            next_ones = await self._loop.look(_LookUpRotations(sorted(next_ones))) - known

    async def _carry_out(self, portion: Sequence[Stretch], cause: str) -> Looked:
        command = TellCrossings(portion, self._percents, Sums(self._sums, self._zone))
        ids = str(uuid_utils.uuid7()), str(uuid_utils.uuid7())
        origin = Origin(_SYSTEM, "", "", *ids, causation_id=cause)
        looked: Looked = (await self._loop.handle(command, origin, lambda found: found)).answer
        return looked


def _next(ledger: int, last_record: int, facts: int, last_fact: int) -> tuple[int, int]:
    return min(last_record, ledger + AT_ONCE), min(last_fact, facts + AT_ONCE)
