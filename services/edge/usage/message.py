"""A record of a topic that brings usage: one item, in any form that POST /v1/usage takes.

The form is told by the headers: `content-type: application/cloudevents+json` for an event in
structured mode, `ce_specversion` for one in binary mode (CloudEvents' Kafka binding 1.0), and else
a plain object, ours or LiteLLM's.
"""

from collections.abc import Iterable, Mapping
from functools import partial

from events.usage import Usage
from events.usage_topics import MOST_BYTES
from services.edge.usage import cloudevents
from services.edge.usage.delivery import EVENT, EVENTS, Unread, attempted, plain
from services.edge.usage.exact import NoJson, parse
from services.edge.usage.record import Unusable

RecordHeaders = Iterable[tuple[str, bytes | None]]
_TOLD = "content-type"
_CE = "ce_"


def read(headers: RecordHeaders, value: bytes | None, size: int, source: str) -> Usage | Unread:
    """The usage that a record of `size` bytes tells of, or why it tells of none."""
    try:
        named, item = _named(headers), _item(value, size)
    except Unusable as error:
        return Unread(None, str(error))
    media_type = named.get(_TOLD, "").partition(";")[0].strip().lower()
    if media_type == EVENTS:
        return Unread(None, "a message must be one event, not a batch of them")
    if media_type == EVENT:
        return attempted(partial(cloudevents.reported, source=source), item)
    if cloudevents.is_binary_record(named):
        event = cloudevents.from_record_headers(named, item)
        return attempted(partial(cloudevents.reported, source=source), event)
    return attempted(plain, item)


def _item(value: bytes | None, size: int) -> object:
    if size > MOST_BYTES:
        raise Unusable(f"a message must have at most {MOST_BYTES} bytes, not {size}")
    if value is None:
        raise Unusable("the message has no value")
    try:
        item = parse(value)
    except NoJson as error:
        raise Unusable(f"the value is no JSON: {error}") from None
    if not isinstance(item, dict):
        raise Unusable("the value must be one object")
    return item


def _named(headers: RecordHeaders) -> Mapping[str, str]:
    """Those that tell the form, by name; the first of each counts."""
    found: dict[str, str] = {}
    for name, raw in headers:
        if name == _TOLD or name.startswith(_CE):
            try:
                found.setdefault(name, (raw or b"").decode())
            except UnicodeDecodeError:
                raise Unusable(f"header {name[:64]}: not UTF-8") from None
    return found
