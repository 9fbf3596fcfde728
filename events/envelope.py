"""The envelope: who, where and when of a fact, and the one codec for store, Kafka and exports.

The form is frozen. What readers of a history need beyond the business data is here: which
command caused the fact, as which of how many, by whom, for whom, from where.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from events.record import record
from events.registry import DomainEvent, dump, load
from events.values import Sealed, timestamp

MAX_EVENT_BYTES = 256 * 1024


@record
class Meta:
    """What all facts of one command share.

    `actor` is the authenticated user id, `actor_key` the sha256 of the credential, `actor_role`
    the role the decision was made for. `on_behalf_of` is a claim of the caller, kept apart from
    the actor (register D46). `correlation_id` spans a request, `causation_id` names the event
    that a process manager reacted to.
    """

    command_id: str
    command: str
    actor: str | None = None
    actor_key: str | None = None
    actor_role: str | None = None
    on_behalf_of: Sealed | None = None
    client: Sealed | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


@record
class Envelope:
    """A fact in its place: version within its stream, position within the store.

    `incarnation` is the version of the fact that began the present life of the thing; an id
    that is used again after a deletion begins another. `index` and `count` place the fact within
    its command: the last one (`index + 1 == count`) ends a commit boundary.
    """

    originator_id: str
    originator_version: int
    position: int
    event_id: str
    recorded_at: datetime
    incarnation: int
    index: int
    count: int
    meta: Meta
    event: DomainEvent

    @property
    def ends_command(self) -> bool:
        return self.index + 1 == self.count


class EventTooLarge(ValueError):
    """A fact of more than 256 KiB; raised before anything is stored."""


def encode(envelope: Envelope) -> tuple[str, bytes]:
    """Topic and state as the store keeps them. Raises EventTooLarge above 256 KiB."""
    name, version, data = dump(envelope.event)
    body = {
        "id": envelope.event_id,
        "at": timestamp(envelope.recorded_at),
        "inc": envelope.incarnation,
        "n": [envelope.index, envelope.count],
        "meta": _dump_meta(envelope.meta),
        "v": version,
        "data": data,
    }
    state = orjson.dumps(body)
    if len(state) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"{name} takes {len(state)} bytes, the limit is {MAX_EVENT_BYTES}")
    return name, state


def beginning(event_id: str) -> bytes:
    """How the state of that event begins, and of no other: it is recognised without a parser."""
    return b'{"id":"%s",' % event_id.encode()


def decode(stream: str, version: int, position: int, topic: str, state: bytes) -> Envelope:
    """The inverse of `encode`; older versions of a fact are upcast, unknown ones carried."""
    body = orjson.loads(state)
    index, count = body["n"]
    return Envelope(
        stream,
        version,
        position,
        body["id"],
        datetime.fromisoformat(body["at"]).astimezone(UTC),
        body["inc"],
        index,
        count,
        _load_meta(body["meta"]),
        load(topic, body["v"], body["data"]),
    )


_PLAIN = (
    "command_id",
    "command",
    "actor",
    "actor_key",
    "actor_role",
    "correlation_id",
    "causation_id",
)


def _dump_meta(meta: Meta) -> dict[str, Any]:
    raw = {name: value for name in _PLAIN if (value := getattr(meta, name)) is not None}
    if meta.on_behalf_of is not None:
        raw["on_behalf_of"] = _box(meta.on_behalf_of)
    if meta.client is not None:
        raw["client"] = _box(meta.client)
    return raw


def _load_meta(raw: dict[str, Any]) -> Meta:
    given = raw.get
    claim, client = given("on_behalf_of"), given("client")
    return Meta(
        raw["command_id"],
        raw["command"],
        given("actor"),
        given("actor_key"),
        given("actor_role"),
        None if claim is None else Sealed(**claim),
        None if client is None else Sealed(**client),
        given("correlation_id"),
        given("causation_id"),
    )


def _box(sealed: Sealed) -> dict[str, str]:
    return {"person": sealed.person, "box": sealed.box}
