"""Whether a call would have been allowed: the checks of /v1/decide, on what stood behind keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal

from psycopg.sql import SQL

from events.key import KeySettings
from services.access.decisions import Call, Check, Denied, check_call
from services.access.funds import Funds, Purse
from services.access.refusals import unknown_key
from services.database.connections import Pool
from services.projection.decisions.allotments import Allotment
from services.projection.decisions.decider import model_names
from services.projection.decisions.reading import STATEMENT, StandingRow
from services.projection.decisions.standing import Standing
from services.projection.queries.reading import fetch
from services.projection.queries.records import LAST_TEAM, LAST_USER
from services.projection.queries.spending import Spending
from services.spend.budgets import Account
from services.spend.counters import Counted
from services.spend.holds import EXACT, NOTHING

ANY_KEY = "any key"
"""The token of a key that was never made: a person's, without limits of its own."""

MOST_KEYS = 100
_PERSON = (
    SQL(
        """
        SELECT u.incarnation, t.incarnation, m.joined FROM (SELECT) one
        LEFT JOIN LATERAL {user} u ON u.deleted_at IS NULL
        LEFT JOIN LATERAL {team} t ON t.deleted_at IS NULL
        LEFT JOIN read.memberships_1 m ON m.team_id = t.team_id
            AND m.incarnation = t.incarnation AND m.user_id = %(user_id)s
        """
    )
    .format(
        user=LAST_USER.format(user_id=SQL("%(user_id)s")),
        team=LAST_TEAM.format(team_id=SQL("%(team_id)s::text")),
    )
    .as_bytes()
)
_SUPPOSE = b"""
INSERT INTO pg_temp.keys_1 (token, incarnation, user_id, team_id, team_incarnation, blocked,
    created_at, updated_at, version, settings, owned_at)
VALUES (%(token)s, 1, %(user_id)s, %(team_id)s, %(team_incarnation)s, false, %(at)s, %(at)s, 1,
    %(settings)s::text::jsonb, %(owned_at)s)
"""
_KEYS = b"""
SELECT k.token FROM read.keys_1 k WHERE k.user_id = %(user_id)s AND k.deleted_at IS NULL
    AND k.team_id IS NOT DISTINCT FROM %(team_id)s AND k.token <> %(any_key)s
ORDER BY k.created_at, k.token LIMIT %(most)s
"""
_FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Person:
    """What a user was to a team, or without one: his life, that of the team, his membership."""

    life: int | None
    team_life: int | None
    joined: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A key and a call of it: allowed unless `denied`; `funds` are what it was compared with."""

    standing: Standing
    model: str
    denied: Denied | None
    funds: Mapping[Purse, Funds] = field(default_factory=dict)
    allotments: Sequence[Allotment] = ()


@dataclass(frozen=True, slots=True)
class _Sums:
    """What was spent; nobody remembers what was held."""

    known: Mapping[Counted, Decimal]

    def spent(self, counted: Sequence[Counted]) -> Decimal:
        total = NOTHING
        for one in counted:
            total = EXACT.add(total, self.known[one])
        return total

    def held(self, holder: Account, now: datetime) -> Decimal:  # noqa: ARG002
        return NOTHING


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges calls as of the moment `at`, by read models and a ledger of then."""

    reads: Pool
    spending: Spending
    zone: tzinfo
    at: datetime

    async def person(self, user_id: str, team_id: str | None) -> Person:
        """What he was then."""
        asked = {"user_id": user_id, "team_id": team_id}
        [row] = await fetch(self.reads, _PERSON, asked)
        return Person(*row)

    async def suppose(self, user_id: str, team_id: str | None, person: Person) -> None:
        """From here on ANY_KEY is a key of the person, in that team, that limits nothing."""
        settings = KeySettings(
            key_name=ANY_KEY,
            user_id=user_id,
            team_id=team_id,
            team_incarnation=person.team_life,
            member_since=person.joined,
        )
        values = {
            "token": ANY_KEY,
            "user_id": user_id,
            "team_id": team_id,
            "team_incarnation": person.team_life,
            "at": self.at,
            "settings": settings.model_dump_json(),
            "owned_at": _FOREVER,
        }
        async with self.reads.connection() as connection:
            await connection.execute(_SUPPOSE, values)

    async def keys_of(self, user_id: str, team_id: str | None) -> list[str]:
        """The hashes of his keys in that team, or without a team: the oldest, MOST_KEYS of them."""
        asked = {"user_id": user_id, "team_id": team_id, "any_key": ANY_KEY, "most": MOST_KEYS}
        return [row[0] for row in await fetch(self.reads, _KEYS, asked)]

    async def judged(self, tokens: Sequence[str], call: Call) -> list[Judged]:
        """Each of these keys, by its sha256, and the call, in this order."""
        standings = await self._standings(tokens)
        asked = [self._asked(standing, call) for standing in standings]
        wanted = [
            counted
            for _, allotments in asked
            for one in allotments
            for counted in one.counted(self.at, self.zone)
        ]
        amounts = await self.spending.counted(wanted)
        sums = _Sums(dict(zip(wanted, amounts, strict=True)))
        return [
            self._judged(standing, model, allotments, call, sums)
            for standing, (model, allotments) in zip(standings, asked, strict=True)
        ]

    async def _standings(self, tokens: Sequence[str]) -> list[Standing]:
        rows = await fetch(self.reads, STATEMENT, {"tokens": list(tokens)})
        read = [StandingRow(token, row) for token, row in zip(tokens, rows, strict=True)]
        lives = [row.record.life for row in read if row.record is not None]
        spenders = iter(await self.spending.of_keys(lives))
        return [row.standing(None if row.record is None else next(spenders)) for row in read]

    def _asked(self, standing: Standing, call: Call) -> tuple[str, Sequence[Allotment]]:
        if standing.key is None:
            return call.model.name, ()
        model = standing.key.resolved(call.model.name)
        return model, standing.budgets(model_names(model, call.model.name))

    def _judged(
        self,
        standing: Standing,
        model: str,
        allotments: Sequence[Allotment],
        call: Call,
        sums: _Sums,
    ) -> Judged:
        if standing.key is None:
            unknown = Denied(Check.UNKNOWN_KEY, unknown_key(standing.token, ""))
            return Judged(standing, model, unknown)
        funds = {one.purse: one.funds(sums, self.at, self.zone) for one in allotments}
        denied = check_call(standing.key, call, funds, self.at)
        return Judged(standing, model, denied, funds, allotments)
