"""Who is who in a history, as far as its reader may know (decision 017).

Who sees everything is told addresses and what callers claimed; others are told ids. An address is
that of the user who has the id now, and stands only for what was done since he exists.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.envelope import Envelope
from events.values import JsonObject, Sealed
from services.edge.shapes.past import Origin
from services.projection.api.dependencies import Reader
from services.projection.history.changes import Change
from services.projection.history.sentences import sentence
from services.projection.queries.people import Address, addresses

_HASHES = frozenset({"token"})


@dataclass(slots=True)
class _Needed:
    """Takes the place of a teller to learn whom sentences speak of."""

    ids: set[str] = field(default_factory=set)
    boxes: set[Sealed] = field(default_factory=set)

    def person(self, user_id: str) -> str:
        self.ids.add(user_id)
        return user_id

    def opened(self, box: Sealed | None) -> str | None:
        if box is not None:
            self.boxes.add(box)
        return None


@dataclass(frozen=True, slots=True)
class _Then:
    """Who was who at a moment."""

    known: Mapping[str, Address]
    texts: Mapping[Sealed, str | None]
    moment: datetime

    def person(self, user_id: str) -> str:
        return self.email(user_id) or user_id

    def email(self, user_id: str | None) -> str | None:
        found = None if user_id is None else self.known.get(user_id)
        return found.email if found is not None and found.since <= self.moment else None

    def opened(self, box: Sealed | None) -> str | None:
        return None if box is None else self.texts.get(box)


@dataclass(frozen=True, slots=True)
class Tellers:
    """Tells facts to one reader; `everything` is for him whom nothing is hidden from."""

    everything: bool
    known: Mapping[str, Address]
    texts: Mapping[Sealed, str | None]

    def sentence(self, at: Envelope) -> str:
        """Who did what; what a caller claimed is told as a claim."""
        told = sentence(at, self._then(at))
        claim = self._claim(at)
        return told if claim is None else f"{told}, claiming to act for {claim}"

    def origin(self, at: Envelope) -> Origin:
        """Who recorded a fact, when, and by which command."""
        return Origin(
            at=at,
            actor_email=self._then(at).email(at.meta.actor),
            actor_key=at.meta.actor_key if self.everything else None,
            on_behalf_of=self._claim(at),
        )

    def value(self, value: Any) -> Any:  # noqa: ANN401
        """A value of a field, opened where it is sealed; null for who was forgotten."""
        return self.texts.get(value) if isinstance(value, Sealed) else value

    def changes(self, found: Collection[Change]) -> list[JsonObject]:
        """What changed, without hashes of keys for who is not shown everything."""
        return [
            {"field": c.field, "from": self.value(c.before), "to": self.value(c.after)}
            for c in found
            if self.everything or c.field not in _HASHES
        ]

    def shows(self, name: str) -> bool:
        """Whether a field may be shown."""
        return self.everything or name not in _HASHES

    def email(self, user_id: str, at: Envelope) -> str | None:
        """The address of a user that a fact names."""
        return self._then(at).email(user_id)

    def _claim(self, at: Envelope) -> str | None:
        if not self.everything or at.meta.on_behalf_of is None:
            return None
        return self.texts.get(at.meta.on_behalf_of)

    def _then(self, at: Envelope) -> _Then:
        return _Then(self.known, self.texts, at.recorded_at)


async def tellers(
    reader: Reader,
    facts: Collection[Envelope],
    values: Collection[Any] = (),
    named: Collection[str] = (),
    *,
    words: bool = True,
) -> Tellers:
    """Whoever can tell these facts, these values of fields, and users of these ids.

    Without `words` only the origins of the facts are told, and no sentences.
    """
    needed = _Needed(set(named), {value for value in values if isinstance(value, Sealed)})
    everything = reader.principal.reads_everything
    for at in facts:
        if words:
            sentence(at, needed)
        if everything and at.meta.actor is not None:
            needed.ids.add(at.meta.actor)
        if everything and at.meta.on_behalf_of is not None:
            needed.boxes.add(at.meta.on_behalf_of)
    known = await addresses(reader.context.read_pool, needed.ids) if everything else {}
    texts = await reader.context.vault.open_all(needed.boxes)
    return Tellers(everything, known, texts)
