"""By which facts something was so: the last of each kind up to a position, out of the log."""

from collections.abc import Mapping
from dataclasses import dataclass

from events import key, team, user
from events.envelope import Envelope, decode
from events.registry import DomainEvent
from events.streams import KEY, TEAM, USER, stream
from services.database.connections import Pool
from services.projection.decisions.origins import SET
from services.projection.past.judging import ANY_KEY, Judged
from services.projection.queries.reading import fetch

Facts = tuple[type[DomainEvent], ...]
_OF_KEY: Mapping[str, Facts] = {
    "key": (key.KeyGenerated, key.KeyRestored, key.KeyDeleted, key.KeyRotated),
    "key_owner": (key.KeyMoved,),
    "key_models": (key.KeyModelsChanged,),
    "key_blocked": (key.KeyBlocked, key.KeyUnblocked),
    "key_expires": (key.KeyExpiryChanged,),
    "key_routes": (key.KeyRoutesChanged,),
}
_OF_TEAM: Mapping[str, Facts] = {
    "team": (team.TeamCreated, team.TeamRestored, team.TeamDeleted),
    "team_models": (team.TeamModelsChanged,),
    "team_model_aliases": (team.TeamModelAliasesChanged,),
    "team_blocked": (team.TeamBlocked, team.TeamUnblocked),
    "team_organization": (team.TeamMovedToOrganization,),
}
_OF_USER: Mapping[str, Facts] = {
    "user": (user.UserCreated, user.UserDeleted),
    "user_models": (user.UserModelsChanged,),
}
_MEMBERSHIP: Facts = (team.MemberAdded, team.MemberRoleChanged, team.MemberRemoved)
_LAST = b"""
SELECT q.about, e.* FROM unnest(%(abouts)s::text[], %(streams)s::text[], %(members)s::text[])
    WITH ORDINALITY q (about, stream, member, place)
CROSS JOIN LATERAL (
    SELECT originator_id, originator_version, notification_id, topic, state
    FROM events.stored_events
    WHERE originator_id = q.stream AND notification_id <= %(position)s
        AND topic = ANY (string_to_array((%(topics)s::text[])[q.place], ' '))
        AND (q.member IS NULL
            OR convert_from(state, 'UTF8')::json->'data'->>'user_id' = q.member)
    ORDER BY originator_version DESC LIMIT 1
) e
ORDER BY q.place
"""
_AT = b"""
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events WHERE notification_id = ANY (%(positions)s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """What it is about, and the fact that had it so."""

    about: str
    at: Envelope


@dataclass(frozen=True, slots=True)
class _Wanted:
    about: str
    stream: str
    topics: Facts
    member: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """A key by its sha256, a person and a team.

    Unless it is the `whole` truth, the person's own life is left out.
    """

    token: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    whole: bool = True

    def wanted(self) -> list[_Wanted]:
        """All that is to be looked for."""
        found = _of(KEY, self.token, _OF_KEY) + _of(TEAM, self.team_id, _OF_TEAM)
        found += _of(USER, self.user_id, _OF_USER) if self.whole else []
        if self.team_id is not None and self.user_id is not None:
            of = stream(TEAM, self.team_id)
            found.append(_Wanted("membership", of, _MEMBERSHIP, self.user_id))
        return found


async def facts_behind(events: Pool, position: int, about: About) -> list[Fact]:
    """The last of each kind up to a position."""
    wanted = about.wanted()
    parameters = {
        "abouts": [one.about for one in wanted],
        "streams": [one.stream for one in wanted],
        "members": [one.member for one in wanted],
        "topics": [" ".join(fact.type_name for fact in one.topics) for one in wanted],
        "position": position,
    }
    rows = await fetch(events, _LAST, parameters)
    return [Fact(name, decode(*columns)) for name, *columns in rows]


def _of(kind: str, name: str | None, facts: Mapping[str, Facts]) -> list[_Wanted]:
    if name is None or name == ANY_KEY:
        return []
    return [_Wanted(about, stream(kind, name), topics) for about, topics in facts.items()]


async def facts_of_budgets(events: Pool, reads: Pool, judged: Judged) -> list[Fact]:
    """Those that set the budgets which a call was compared with."""
    abouts: dict[int, str] = {}
    for one in judged.allotments:
        if one.set_on is not None and one.set_on.id != ANY_KEY:
            rows = await fetch(reads, SET, one.set_on._asdict())
            abouts |= {position: f"{one.purse}_budget" for (position,) in rows}
    rows = await fetch(events, _AT, {"positions": list(abouts)}) if abouts else []
    return [Fact(abouts[at.position], at) for at in (decode(*row) for row in rows)]
