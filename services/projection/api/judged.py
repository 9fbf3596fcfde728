"""What is answered about access: allowed or not, why, under which budgets, and by which facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from events.values import JsonObject
from services.access.decisions import Check, Denied
from services.access.principal import AccessRefused
from services.access.refusals import unknown_key
from services.edge.shapes.times import iso
from services.projection.api import verdicts
from services.projection.api.dependencies import Reader
from services.projection.past.facts import Fact
from services.projection.past.judging import ANY_KEY, Judged, Person


class Lacking(StrEnum):
    """What stands in the way before any check of /v1/decide."""

    NO_USER = "no_user"
    NO_TEAM = "no_team"
    NO_MEMBER = "no_member"
    OTHER_TEAM = "other_team"


Reason = tuple[str, AccessRefused]
"""A check, and what is told of it."""


def lacking(user_id: str, team_id: str | None, person: Person) -> Reason | None:
    """Why there can be no key of that person, in that team."""
    if person.life is None:
        return Lacking.NO_USER, AccessRefused(404, f"User={user_id} does not exist")
    if team_id is None or person.joined is not None:
        return None
    if person.team_life is None:
        return Lacking.NO_TEAM, AccessRefused(404, f"Team={team_id} does not exist")
    return Lacking.NO_MEMBER, AccessRefused(403, f"User={user_id} is not in Team={team_id}")


def of_another_team(team_id: str) -> Reason:
    """Why a key may not be used in a team."""
    return Lacking.OTHER_TEAM, AccessRefused(403, f"The key is not one of Team={team_id}")


def unknown(token: str) -> Reason:
    """What is told of keys that are not there, or not for the caller to know of."""
    return Check.UNKNOWN_KEY, unknown_key(token, "")


@dataclass(frozen=True, slots=True)
class Told:
    """Who asks for which model, and what was found; without `judged` nothing was compared.

    `denied` goes before what was judged; `keys` are those of a person.
    """

    model: str
    judged: Judged | None = None
    denied: Reason | None = None
    user_id: str | None = None
    team_id: str | None = None
    keys: Sequence[Judged] = ()
    facts: Sequence[Fact] = ()

    def content(self, reader: Reader) -> JsonObject:
        """The whole answer."""
        judged, reason, then = self.judged, self.reason, reader.context.then
        return {
            "allowed": reason is None,
            "reason": None if reason is None else _refusal(reason),
            **self._subject(),
            "model": self.model if judged is None else judged.model,
            "budgets": [verdicts.budget(one) for one in judged.funds.values()] if judged else [],
            "facts": [_fact(one) for one in self.facts],
            "keys": [_key(one) for one in self.keys],
            "as_of": iso(reader.now),
            "position": {
                "events": reader.head if then is None else then.position,
                "usage": 0 if then is None else then.ledger.position,
            },
        }

    @property
    def reason(self) -> Reason | None:
        """Why not."""
        if self.denied is not None or self.judged is None:
            return self.denied
        return _reason(self.judged.denied)

    def _subject(self) -> JsonObject:
        judged = self.judged
        key = None if judged is None else judged.standing.key
        team = None if key is None else key.team
        return {
            "user_id": self.user_id if key is None else key.user_id,
            "key_hash": None if judged is None else _hash(judged),
            "team_id": self.team_id if team is None else team.team_id,
            "organization_id": None if key is None else key.organization_id,
        }


def _reason(denied: Denied | None) -> Reason | None:
    return None if denied is None else (denied.check, denied.refused)


def _refusal(reason: Reason) -> JsonObject:
    check, refused = reason
    return {"check": check, "status": refused.status, "message": refused.text}


def _hash(judged: Judged) -> str | None:
    token = judged.standing.token
    return None if token == ANY_KEY else token


def _key(judged: Judged) -> JsonObject:
    key, reason = judged.standing.key, _reason(judged.denied)
    return {
        "key_hash": judged.standing.token,
        "key_alias": None if key is None else key.key_alias,
        "allowed": reason is None,
        "reason": None if reason is None else _refusal(reason),
    }


def _fact(fact: Fact) -> JsonObject:
    at = fact.at
    return {
        "about": fact.about,
        "event_id": at.event_id,
        "position": at.position,
        "type": at.event.type_name,
        "at": iso(at.recorded_at),
        "by": at.meta.actor,
    }
