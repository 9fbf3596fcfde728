"""The coherent cache: folded states and links, following the log, bounded in bytes."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from uuid import UUID

from rpds import HashTrieMap

from events.envelope import Envelope
from events.user import UserForgotten
from events.values import Value
from services.command.application.folds import AnyState, bulk, evolve, fold_of
from services.command.application.rosters import Shown, ShownRosters
from services.command.domain.dependents import Link, links
from services.command.domain.spend import Spend

if TYPE_CHECKING:
    Children: TypeAlias = HashTrieMap[str, int]
else:
    Children = HashTrieMap  # the class takes no parameters when it runs
"""Children of one parent and kind, each with the position that made the link."""

LinkKey = tuple[str, str]
LINK_WEIGHT = 150
KEPT_CHILDREN = 1_000


@dataclass(frozen=True, slots=True)
class Mark:
    """By which a log is recognised: its epoch, and the id of its event at a position."""

    epoch: UUID
    position: int
    event_id: str | None


class _Kept(NamedTuple):
    """A state, its `weight`, and how much of that is the bulk of its settings."""

    state: AnyState
    settings: Value | None
    weight: int
    bulk: int


class Cache:
    """States as of `head`; what was loaded later may be newer, never older.

    `epoch` is that of the store they come from. `recorded_at` is that of the fact at `head`: no
    later fact may be recorded before it. `forgotten_at` is the position of the last fact by which
    a person was forgotten.
    """

    def __init__(self, max_bytes: int) -> None:
        self.epoch = UUID(int=0)
        self.forgotten_at = 0
        self.stand_at(None)
        self.rosters = ShownRosters()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._states: OrderedDict[str, _Kept] = OrderedDict()
        self._links: OrderedDict[LinkKey, Children] = OrderedDict()
        self._holders: dict[str, set[LinkKey]] = {}

    @property
    def mark(self) -> Mark:
        """What an append on the strength of these states expects of the log."""
        return Mark(self.epoch, self.head, self.event_id)

    def stand_at(self, last: Envelope | None) -> None:
        """The states are those after this fact, or before the first."""
        self.head = last.position if last else 0
        self.event_id = last.event_id if last else None
        self.recorded_at = last.recorded_at if last else datetime(1970, 1, 1, tzinfo=UTC)

    def state(self, stream: str) -> AnyState | None:
        entry = self._states.get(stream)
        if entry is None:
            return None
        self._states.move_to_end(stream)
        return entry.state

    def children(self, key: LinkKey) -> Children | None:
        return self._links.get(key)

    def keep(self, stream: str, state: AnyState) -> None:
        """Put or replace; states that never came to exist are not worth a place.

        But those of spend are: nearly all things are without, and they are asked for again.
        """
        if not state.version and not isinstance(state, Spend):
            return
        previous = self._states.pop(stream, None)
        settings: Value | None = getattr(state, "settings", None)
        if previous is not None and settings is previous.settings:
            more = previous.bulk
        else:
            more = bulk(settings)
        weight = fold_of(stream).weight(state) + more
        self._bytes += weight - (previous.weight if previous else 0)
        self._states[stream] = _Kept(state, settings, weight, more)

    def keep_children(self, key: LinkKey, children: Children) -> None:
        """Put or replace a set; one above KEPT_CHILDREN is loaded in part when it is needed."""
        self._forget_children(key)
        if len(children) > KEPT_CHILDREN:
            return
        self._links[key] = children
        self._bytes += LINK_WEIGHT * (1 + len(children))
        for child in children:
            self._holders.setdefault(child, set()).add(key)

    def apply_links(self, changes: Iterable[Link]) -> None:
        """Follow changes in the sets that are cached; others are loaded when they are needed."""
        for link in changes:
            if link.action == "drop":
                for key in list(self._holders.get(link.child, ())):
                    self._follow_link(key, link)
            else:
                self._follow_link((link.parent, link.kind), link)

    def _follow_link(self, key: LinkKey, link: Link) -> None:
        before = self._links.get(key)
        if before is None:
            return
        after = changed(before, link)
        if len(after) > KEPT_CHILDREN:
            self._forget_children(key)
            return
        self._links[key] = after
        self._bytes += LINK_WEIGHT * (len(after) - len(before))
        if link.child in after:
            self._holders.setdefault(link.child, set()).add(key)
        else:
            self._let_go(link.child, key)

    def follow(self, news: Iterable[Envelope]) -> None:
        """Fold what others appended behind `head`, in order."""
        for envelope in news:
            self.stand_at(envelope)
            self.apply_links(links(envelope))
            self._notice(envelope)
            state = self.state(envelope.originator_id)
            if state is None or envelope.originator_version <= state.version:
                continue
            self.keep(envelope.originator_id, evolve(state, envelope))

    def take_over(
        self,
        states: Mapping[str, AnyState],
        children: Mapping[LinkKey, Children],
        new: Iterable[Link],
        envelopes: Iterable[Envelope],
        rosters: dict[str, Shown],
    ) -> None:
        """What a batch of our own knows once it is committed."""
        for envelope in envelopes:
            self._notice(envelope)
        self.rosters.keep(rosters)
        for stream, state in states.items():
            self.keep(stream, state)
        for key, found in children.items():
            if key not in self._links:
                self.keep_children(key, found)
        self.apply_links(new)

    def _notice(self, envelope: Envelope) -> None:
        self.rosters.follow(envelope.event)
        if isinstance(envelope.event, UserForgotten):
            self.forgotten_at = envelope.position

    def restart(self, last: Envelope | None) -> None:
        """Forget everything: too much happened elsewhere to follow it fact by fact."""
        self.rosters.clear()
        self._states.clear()
        self._links.clear()
        self._holders.clear()
        self._bytes = 0
        self.stand_at(last)

    def trim(self) -> None:
        """Drop what was used longest ago until the bound holds again."""
        while self._bytes > self._max_bytes and (self._states or self._links):
            if self._links and len(self._links) > len(self._states):
                self._forget_children(next(iter(self._links)))
            else:
                _, kept = self._states.popitem(last=False)
                self._bytes -= kept.weight

    def _forget_children(self, key: LinkKey) -> None:
        children = self._links.pop(key, None)
        if children is None:
            return
        self._bytes -= LINK_WEIGHT * (1 + len(children))
        for child in children:
            self._let_go(child, key)

    def _let_go(self, child: str, key: LinkKey) -> None:
        holders = self._holders.get(child, set())
        holders.discard(key)
        if not holders:
            self._holders.pop(child, None)


def changed(children: Children, link: Link) -> Children:
    """One set of children after one change."""
    if link.action == "add":
        return children.insert(link.child, link.since)
    return children.discard(link.child)
