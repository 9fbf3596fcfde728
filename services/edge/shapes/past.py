"""What happened to a thing, as answers tell it: entries, differences, and origins of fields."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from events.envelope import Envelope
from events.registry import dump
from events.values import JsonObject, timestamp


@dataclass(frozen=True, slots=True)
class Origin:
    """A fact, and what of its command may be told."""

    at: Envelope
    actor_email: str | None
    actor_key: str | None
    on_behalf_of: str | None


@dataclass(frozen=True, slots=True)
class Point:
    """A moment that states are compared at: the last fact by then, None if there was none."""

    last: Envelope | None
    live: bool


def origin(of: Origin) -> JsonObject:
    """`on_behalf_of` is what the caller claimed; nobody has checked it (register D46)."""
    at, meta = of.at, of.at.meta
    return {
        "position": at.position,
        "version": at.originator_version,
        "event_id": at.event_id,
        "type": dump(at.event)[0],
        "time": timestamp(at.recorded_at),
        "incarnation": at.incarnation,
        "actor": meta.actor,
        "actor_email": of.actor_email,
        "actor_role": meta.actor_role,
        "actor_key": of.actor_key,
        "on_behalf_of": of.on_behalf_of,
        "command": meta.command,
        "command_id": meta.command_id,
        "correlation_id": meta.correlation_id,
    }


def entry(of: Origin, sentence: str, changes: Sequence[JsonObject]) -> JsonObject:
    """One fact of a timeline, in plain words and field by field."""
    return {**origin(of), "sentence": sentence, "changes": list(changes)}


def timeline(entries: Sequence[JsonObject], following: int | None) -> JsonObject:
    """A page; `next` is what to send as `after` for the next one, null where there is none."""
    return {"entries": list(entries), "next": following}


def difference(earlier: Point, later: Point, changes: Sequence[JsonObject]) -> JsonObject:
    """What leads from one moment to another."""
    return {"from": _point(earlier), "to": _point(later), "changes": list(changes)}


def field_origin(name: str, value: object, set_by: JsonObject) -> JsonObject:
    """A field with its value, and the fact that set it last."""
    return {"field": name, "value": value, "set_by": set_by}


def member_origin(
    user_id: str, email: str | None, added_by: JsonObject, fields: Iterable[JsonObject]
) -> JsonObject:
    """A member with the fact that added him, and those that set what he has."""
    return {"user_id": user_id, "user_email": email, "added_by": added_by, "fields": list(fields)}


def _point(of: Point) -> JsonObject | None:
    if of.last is None:
        return None
    return {
        "position": of.last.position,
        "version": of.last.originator_version,
        "incarnation": of.last.incarnation,
        "time": timestamp(of.last.recorded_at),
        "live": of.live,
    }
