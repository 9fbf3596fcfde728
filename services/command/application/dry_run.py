"""What a command would do, told without doing it (`?dry_run=true`, architecture, section 4)."""

from collections.abc import Mapping, Sequence
from typing import Any

from events.envelope import Envelope
from events.registry import dump
from events.values import JsonObject
from services.command.application.folds import AnyState
from services.command.application.view import View
from services.command.domain.budget import Budget
from services.command.domain.key import ApiKey
from services.command.domain.organization import Organization, OrganizationMember
from services.command.domain.roster import Membership
from services.command.domain.team import Team
from services.command.domain.user import User

SEALED = "(sealed)"


def would_be(before: View, after: View, envelopes: Sequence[Envelope], answer: Any) -> JsonObject:  # noqa: ANN401
    """The events, what differs afterwards in each thing, and the answer that would be given."""
    streams = dict.fromkeys(at.originator_id for at in envelopes)
    return {
        "dry_run": True,
        "events": [_event(at) for at in envelopes],
        "changes": [
            _change(name, before.state(name), after.state(name), _users(name, envelopes))
            for name in streams
        ],
        "answer": answer,
    }


def _event(at: Envelope) -> JsonObject:
    name, version, data = dump(at.event)
    return {
        "stream": at.originator_id,
        "version": at.originator_version,
        "type": name,
        "schema_version": version,
        "data": _veiled(data),
    }


def _users(stream: str, envelopes: Sequence[Envelope]) -> list[str]:
    """Members of a team that the facts are about: the others are as they were."""
    of_stream = (at.event for at in envelopes if at.originator_id == stream)
    named = (getattr(event, "user_id", None) for event in of_stream)
    return list(dict.fromkeys(user_id for user_id in named if user_id is not None))


def _change(stream: str, before: AnyState, after: AnyState, users: Sequence[str]) -> JsonObject:
    was, now = _document(before, users), _document(after, users)
    names = [name for name in {**was, **now} if was.get(name, ...) != now.get(name, ...)]
    return {
        "stream": stream,
        "before": _veiled({name: was[name] for name in names if name in was}),
        "after": _veiled({name: now[name] for name in names if name in now}),
    }


def _document(state: AnyState, users: Sequence[str]) -> JsonObject:
    match state:
        case Team(open=True, settings=settings, roster=roster):
            members = {user_id: roster[user_id] for user_id in users if user_id in roster}
            return {
                **settings.model_dump(mode="json"),
                "members_with_roles": _shown(members),
            }
        case Organization(open=True, settings=settings, members=roster):
            known = {user_id: roster[user_id] for user_id in users if user_id in roster}
            return {**settings.model_dump(mode="json"), "members": _shown(known)}
        case (
            User(open=True, settings=settings)
            | ApiKey(open=True, settings=settings)
            | Budget(open=True, settings=settings)
        ):
            return settings.model_dump(mode="json")
    return {}


def _shown(members: Mapping[str, Membership] | Mapping[str, OrganizationMember]) -> JsonObject:
    return {
        user_id: {
            "role": member.role,
            "limits": member.limits and member.limits.model_dump(mode="json"),
        }
        for user_id, member in members.items()
    }


def _veiled(value: Any) -> Any:  # noqa: ANN401
    """Boxes of personal data tell nobody anything; they are made anew each time."""
    match value:
        case {"person": str(), "box": str(), **rest} if not rest:
            return SEALED
        case dict():
            return {name: _veiled(part) for name, part in value.items()}
        case list():
            return [_veiled(part) for part in value]
    return value
