"""Which dead letters a command is about, and how they are told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import typer

from events.values import JsonObject
from services.broker.reading import everything
from services.cli.output import cell
from services.command.application.dead_letter_replay import Judged
from services.command.application.dead_letters import DeadLetter, NotADeadLetter, letter, unique
from services.command.application.usage_consumer import UsageTopic
from services.edge.shapes.times import iso

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Chosen:
    """Which letters are meant; after all are told, `missing` are the places that had none."""

    reason: str | None = None
    since: datetime | None = None
    places: frozenset[tuple[int, int]] | None = None
    missing: set[tuple[int, int]] = field(default_factory=set)

    def of(self, topic: UsageTopic) -> Iterator[DeadLetter]:
        """Each message once, in the order in which they became dead letters."""
        self.missing = set(self.places or ())
        for each in unique(_letters(topic)):
            if self._meant(each):
                self.missing.discard(each.origin[1:])
                yield each

    def _meant(self, each: DeadLetter) -> bool:
        if self.places is not None and each.origin[1:] not in self.places:
            return False
        if self.since is not None:
            since = self.since.replace(tzinfo=self.since.tzinfo or UTC)
            if each.dead_at < since.timestamp() * 1000:
                return False
        return self.reason is None or self.reason.lower() in each.reason.lower()


def _letters(topic: UsageTopic) -> Iterator[DeadLetter]:
    """Those of the topic of usage: several may share one of dead letters."""
    for record in everything(topic.cluster, topic.dead):
        try:
            found = letter(record)
        except NotADeadLetter as error:
            typer.echo(f"offset {record.offset} holds no dead letter: {error}", err=True)
            continue
        if found.topic == topic.name:
            yield found


def at(each: DeadLetter) -> str:
    """Where the message was in the topic of usage."""
    return f"{each.message.partition}:{each.message.offset}"


def shown_row(judged: Judged) -> Sequence[str]:
    """A line of the table."""
    each = judged.letter
    now = judged.state if judged.reason in {None, each.reason} else judged.reason
    return at(each), _moment(each.dead_at) or "", cell(each.reason), cell(now or "")


def told(judged: Judged, *, values: bool) -> JsonObject:
    """The same for programs; `values` adds what was sent, as far as it is text."""
    each = judged.letter
    message = each.message
    found: JsonObject = {
        "place": at(each),
        "topic": each.topic,
        "topic_id": str(each.topic_id),
        "partition": message.partition,
        "offset": message.offset,
        "sent_at": _moment(message.timestamp),
        "dead_at": _moment(each.dead_at),
        "reason": each.reason,
        "state": judged.state,
        "reason_now": judged.reason,
        "bytes": message.size,
        "cut": each.cut,
    }
    if judged.altered:
        found["altered"] = True
    if values:
        found |= {"key": _text(message.key), "value": _text(message.value)}
        found["headers"] = {name: _text(raw) for name, raw in message.headers}
    return found


def _text(part: bytes | None) -> str | None:
    return None if part is None else part.decode(errors="replace")


def _moment(milliseconds: int) -> str | None:
    """None where a producer gave a time that no calendar has."""
    try:
        return iso(_EPOCH + timedelta(milliseconds=milliseconds))
    except OverflowError:
        return None
