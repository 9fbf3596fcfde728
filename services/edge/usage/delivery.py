"""A request that brings usage: its form, its items, and each of them read by itself.

The form is told by the headers, and within a plain array for each item by its fields. A body as a
whole is refused only where no item can be made out: 400, 413 or 422.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from events.usage import LONGEST_NAME, Usage
from services.edge.errors import TITLES, Problem, too_large
from services.edge.usage import cloudevents, litellm
from services.edge.usage.exact import NoJson, parse
from services.edge.usage.record import Unusable, usage

EVENT, EVENTS = "application/cloudevents+json", "application/cloudevents-batch+json"
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class UsageLimits:
    """How much one request may bring: bytes, also when unpacked, and items."""

    max_bytes: int = 16 * 1024 * 1024
    max_items: int = 10_000


@dataclass(frozen=True, slots=True)
class Unread:
    """An item that cannot be booked: its id, if it has one, and why."""

    id: str | None
    reason: str


Read = Callable[[object], Usage]


@dataclass(frozen=True, slots=True)
class Delivery:
    """The items of a request, and how to read one of them."""

    items: Sequence[object]
    read: Read

    def portions(self, size: int) -> Iterator[list[Usage | Unread]]:
        """All of them in order, so many at a time: between two others may be served."""
        items = iter(self.items)
        while portion := list(islice(items, size)):
            yield [attempted(self.read, item) for item in portion]


def attempted(read: Read, item: object) -> Usage | Unread:
    """The usage that an item tells of, or why it tells of none."""
    try:
        return read(item)
    except Unusable as error:
        given = item.get("id") if isinstance(item, dict) else None
        known = given if isinstance(given, str) and len(given) <= LONGEST_NAME else None
        return Unread(known and _sound(known), _sound(str(error)))


def delivered(
    headers: Mapping[str, str], body: bytes, source: str, limits: UsageLimits
) -> Delivery:
    """The items of a body, from the gateway `source`.

    Raises Problem: 400 for what is no JSON, 413 for what unpacks to too many bytes, 422 for
    anything but an object or an array of 1 to `max_items`.
    """
    content = _content(_unpacked(headers, body, limits.max_bytes))
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()

    def event(item: object) -> Usage:
        return cloudevents.reported(item, source)

    if media_type == EVENTS:
        if not isinstance(content, list):
            raise _not_valid("a batch of events must be an array")
        return Delivery(_counted(content, limits), event)
    if media_type == EVENT:
        return Delivery([_one(content)], event)
    if cloudevents.is_binary(headers):
        return Delivery([cloudevents.from_headers(headers, _one(content))], event)
    items = content if isinstance(content, list) else [_one(content)]
    return Delivery(_counted(items, limits), plain)


def plain(item: object) -> Usage:
    """What an item tells of that is no event; raises Unusable."""
    if litellm.is_payload(item):
        return litellm.call(item)
    return usage(item)


def _content(body: bytes) -> object:
    try:
        return parse(body)
    except NoJson as error:
        raise Problem(400, TITLES[400], f"The body is no JSON: {error}.") from None


def _one(content: object) -> object:
    if not isinstance(content, dict):
        raise _not_valid("the body must be an object")
    return content


def _counted(items: Sequence[object], limits: UsageLimits) -> Sequence[object]:
    if not 1 <= len(items) <= limits.max_items:
        raise _not_valid(f"an array must have 1 to {limits.max_items} items, not {len(items)}")
    return items


def _not_valid(what: str) -> Problem:
    return Problem(422, TITLES[422], f"Usage cannot be read: {what}.")


def _unpacked(headers: Mapping[str, str], body: bytes, max_bytes: int) -> bytes:
    """A body sent with `Content-Encoding: gzip` as it was before, without ever holding more."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise Problem(415, TITLES[415], "Content-Encoding must be gzip, or none.")
    unpacking = zlib.decompressobj(_GZIP)
    try:
        plain = unpacking.decompress(body, max_bytes + 1)
    except zlib.error:
        raise Problem(400, TITLES[400], "The body is not gzip.") from None
    if len(plain) > max_bytes:
        raise too_large(max_bytes)
    if not unpacking.eof or unpacking.unused_data:
        raise Problem(400, TITLES[400], "The body is not gzip.")
    return plain


def _sound(text: str) -> str:
    """Without halves of surrogate pairs, which no answer can hold."""
    return text if text.isascii() else text.encode(errors="replace").decode()
