"""Who set what a call is refused by, and when: the fact itself, looked up in the log."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.sql import SQL

from events import key, team, user
from events.envelope import Envelope, decode
from events.registry import DomainEvent
from events.streams import KEY, TEAM, USER, stream
from services.access.decisions import Check
from services.database.connections import Pool
from services.projection.decisions.allotments import Allotment
from services.projection.decisions.standing import Origin, Standing
from services.projection.queries.reading import fetch
from services.spend.budgets import Holder

_COLUMNS = SQL("originator_id, originator_version, notification_id, topic, state")
_LAST = (
    SQL(
        "SELECT {columns} FROM events.stored_events WHERE originator_id = %(stream)s "
        "AND topic = ANY (%(topics)s) ORDER BY originator_version DESC LIMIT 1"
    )
    .format(columns=_COLUMNS)
    .as_bytes()
)
_AT = (
    SQL("SELECT {columns} FROM events.stored_events WHERE notification_id = %(position)s")
    .format(columns=_COLUMNS)
    .as_bytes()
)
SET = SQL(
    """
    SELECT position FROM (
        SELECT position, max_budget, lag(max_budget) OVER (ORDER BY position) AS before
        FROM read.budget_periods_1 WHERE id = %(id)s AND incarnation = %(incarnation)s
            AND kind = %(kind)s AND member = %(member)s
    ) periods
    WHERE max_budget IS DISTINCT FROM before ORDER BY position DESC LIMIT 1
    """
).as_bytes()
"""The position of the fact that set a budget as it is, of a Holder."""

Facts = tuple[type[DomainEvent], ...]
_OF_KEY: Mapping[Check, Facts] = {
    Check.UNKNOWN_KEY: (key.KeyDeleted, key.KeyRotated),
    Check.KEY_BLOCKED: (key.KeyGenerated, key.KeyBlocked),
    Check.KEY_MODEL: (key.KeyGenerated, key.KeyModelsChanged),
    Check.KEY_EXPIRED: (key.KeyGenerated, key.KeyExpiryChanged),
    Check.KEY_MODEL_BUDGET: (key.KeyGenerated, key.KeyDetailsChanged),
    Check.KEY_ROUTES: (key.KeyGenerated, key.KeyRoutesChanged),
}
_OF_TEAM: Mapping[Check, Facts] = {
    Check.TEAM_BLOCKED: (team.TeamCreated, team.TeamBlocked),
    Check.TEAM_MODEL: (team.TeamCreated, team.TeamModelsChanged),
}
_OF_USER: Mapping[Check, Facts] = {Check.USER_MODEL: (user.UserCreated, user.UserModelsChanged)}


class Origins:
    """Looks up facts in the log; where budgets stand is known to the read models."""

    def __init__(self, events_pool: Pool, read_pool: Pool) -> None:
        self._events, self._reads = events_pool, read_pool

    async def of(
        self, check: Check, standing: Standing, allotment: Allotment | None
    ) -> Origin | None:
        """Who set what a check compares with, once for as long as nothing of it changes.

        None where the log does not tell. Raises psycopg's errors.
        """
        if check not in standing.origins:
            found = await self._looked_up(check, standing, allotment)
            standing.origins[check] = None if found is None else _origin(found)
        return standing.origins[check]

    async def _looked_up(
        self, check: Check, standing: Standing, allotment: Allotment | None
    ) -> Envelope | None:
        if allotment is not None and allotment.set_on is not None:
            return await self._of_budget(allotment.set_on)
        name, facts = _place(check, standing)
        if name is None or not standing.known:
            return None
        topics = [fact.type_name for fact in facts]
        return _envelope(await fetch(self._events, _LAST, {"stream": name, "topics": topics}))

    async def _of_budget(self, holder: Holder) -> Envelope | None:
        found = await fetch(self._reads, SET, holder._asdict(), prepare=True)
        if not found:
            return None
        [(position,)] = found
        return _envelope(await fetch(self._events, _AT, {"position": position}, prepare=True))


def _place(check: Check, standing: Standing) -> tuple[str | None, Facts]:
    policy = standing.key
    if check in _OF_KEY:
        return stream(KEY, standing.token), _OF_KEY[check]
    if check in _OF_TEAM and policy is not None and policy.team is not None:
        return stream(TEAM, policy.team.team_id), _OF_TEAM[check]
    if check in _OF_USER and policy is not None and policy.user_id is not None:
        return stream(USER, policy.user_id), _OF_USER[check]
    return None, ()


def _envelope(rows: Sequence[Any]) -> Envelope | None:
    return decode(*rows[0]) if rows else None


def _origin(at: Envelope) -> Origin:
    return Origin(at.meta.actor, at.recorded_at, at.event_id)
