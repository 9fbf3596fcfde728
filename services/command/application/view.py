"""What a command sees while it decides: the cache plus what its batch decided before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

import uuid_utils
from rpds import HashTrieMap

from events.envelope import Envelope, EventTooLarge, Meta, encode
from events.registry import DomainEvent
from events.streams import (
    BUDGET,
    EMAIL,
    KEY,
    KEY_ALIAS,
    ORGANIZATION,
    QUARANTINE,
    TEAM,
    USER,
    WEBHOOK,
    stream,
)
from services.command.application.cache import Cache, Children, LinkKey, changed
from services.command.application.folds import AnyState, evolve, fold_of
from services.command.application.rosters import SHOWN_ANYWHERE, Shown
from services.command.domain.budget import Budget
from services.command.domain.dependents import TEAMS, Link, links
from services.command.domain.errors import TooLarge
from services.command.domain.key import ApiKey
from services.command.domain.organization import Organization
from services.command.domain.quarantine import Quarantined
from services.command.domain.reservation import Reservation
from services.command.domain.team import Team
from services.command.domain.user import User
from services.command.domain.webhook import Webhook


@dataclass
class Missing(Exception):
    """Streams and link sets that must be loaded before the command can be decided."""

    streams: set[str] = field(default_factory=set)
    links: set[LinkKey] = field(default_factory=set)

    def __or__(self, other: "Missing") -> "Missing":
        return Missing(self.streams | other.streams, self.links | other.links)


@dataclass(frozen=True, slots=True)
class Row:
    """One fact ready to be stored."""

    envelope: Envelope
    topic: str
    state: bytes


@dataclass
class Loads:
    """What was loaded for a batch, streams that do not exist included; `partial` sets are cut."""

    states: dict[str, AnyState] = field(default_factory=dict)
    children: dict[LinkKey, Children] = field(default_factory=dict)
    partial: set[LinkKey] = field(default_factory=set)


class View:
    """States and links for one batch. Commands before this one in the batch have happened.

    `now` is what the clock says: it judges what expires, as it does wherever something is read.
    Facts are recorded at `recorded_at`, which never goes back: a clock that was ahead for a moment
    leaves it ahead, and must not have ended anything.
    """

    def __init__(self, cache: Cache, now: datetime, loads: Loads | None = None) -> None:
        self._cache = cache
        self._loads = loads or Loads()
        self.now = now
        self.recorded_at = max(now, cache.recorded_at)
        self.changed: dict[str, AnyState] = {}
        self.rows: list[Row] = []
        self.link_changes: list[Link] = []
        self._children = dict(self._loads.children)
        self.rosters: dict[str, Shown] = {}
        self._users_changed = False
        self._dropped: set[str] = set()

    def fork(self) -> "View":
        """A view of the same state, in which things can happen that do not happen here."""
        other = View(self._cache, self.now, self._loads)
        other.changed = dict(self.changed)
        other.rows = list(self.rows)
        other.rosters = dict(self.rosters)
        other._children = dict(self._children)
        other._users_changed, other._dropped = self._users_changed, set(self._dropped)
        return other

    @property
    def head(self) -> int:
        """The position of the last fact, those of this batch included."""
        return self._cache.head + len(self.rows)

    @property
    def whole_sets(self) -> dict[LinkKey, Children]:
        """Link sets that may be kept: all that were not cut."""
        return {k: v for k, v in self._children.items() if k not in self._loads.partial}

    def team(self, team_id: str) -> Team:
        """A team as rules see it: one whose organization is gone is not there any more."""
        team = self.recorded_team(team_id)
        return replace(team, open=False) if self.is_void(team) else team

    def recorded_team(self, team_id: str) -> Team:
        """The team as its own facts have it: its end may still be to follow."""
        return cast("Team", self.state(stream(TEAM, team_id)))

    def is_void(self, team: Team) -> bool:
        """Whether the team went with its organization, though no fact of its own says so yet."""
        organization_id = team.settings.organization_id
        if not team.open or organization_id is None:
            return False
        return self.organization(organization_id).gone_at >= team.organization_at

    def user(self, user_id: str) -> User:
        return cast("User", self.state(stream(USER, user_id)))

    def key(self, token: str) -> ApiKey:
        return cast("ApiKey", self.state(stream(KEY, token)))

    def organization(self, organization_id: str) -> Organization:
        return cast("Organization", self.state(stream(ORGANIZATION, organization_id)))

    def budget(self, budget_id: str) -> Budget:
        return cast("Budget", self.state(stream(BUDGET, budget_id)))

    def email(self, claim: str) -> Reservation:
        return cast("Reservation", self.state(stream(EMAIL, claim)))

    def key_alias(self, digest: str) -> Reservation:
        return cast("Reservation", self.state(stream(KEY_ALIAS, digest)))

    def quarantined(self, identity: str) -> Quarantined:
        return cast("Quarantined", self.state(stream(QUARANTINE, identity)))

    def webhook(self, identity: str) -> Webhook:
        return cast("Webhook", self.state(stream(WEBHOOK, identity)))

    def users(self, user_ids: Iterable[str]) -> dict[str, User]:
        """Many users at once: one load for all that are missing."""
        found: dict[str, User] = {}
        absent: set[str] = set()
        for user_id in user_ids:
            name = stream(USER, user_id)
            state = self._find(name)
            if state is None:
                absent.add(name)
            else:
                found[user_id] = cast("User", state)
        if absent:
            raise Missing(streams=absent)
        return found

    def shown(self, team_id: str) -> Shown | None:
        """The roster of a team as it was shown last, if no user of it changed since."""
        if self._users_changed:
            return None
        return self.rosters.get(team_id) or self._cache.rosters.get(team_id)

    def show(self, team_id: str, shown: Shown) -> None:
        """Remember a roster; it is kept if the batch is committed."""
        self.rosters[team_id] = shown

    def need(self, streams: Iterable[str]) -> None:
        """Raise Missing for all of these that are not at hand, organizations of teams included."""
        found = {name: self._find(name) for name in streams}
        absent = {name for name, state in found.items() if state is None}
        organizations = {_organization_of(state) for state in found.values()} - {None}
        absent |= {name for name in organizations if name and self._find(name) is None}
        if absent:
            raise Missing(streams=absent)

    def state(self, name: str) -> AnyState:
        found = self._find(name)
        if found is None:
            raise Missing(streams={name})
        return found

    def assume_new(self, name: str) -> None:
        """A stream named by a fresh random id needs no look: the store refuses a coincidence."""
        if self._find(name) is None:
            self._loads.states[name] = fold_of(name).initial

    def children(self, parent: str, kind: str) -> Children:
        key = (parent, kind)
        known = self._known_children(key)
        if known is None:
            raise Missing(links={key})
        self._children[key] = known
        return known

    def is_cut(self, key: LinkKey) -> bool:
        """Whether a link set that is at hand has more children than were loaded."""
        return key in self._loads.partial

    def need_children(self, keys: Iterable[LinkKey]) -> None:
        """Raise Missing for all of these link sets that are not at hand."""
        absent = {key for key in keys if self._known_children(key) is None}
        if absent:
            raise Missing(links=absent)

    def record(self, facts: Sequence[tuple[str, DomainEvent]], meta: Meta) -> list[Envelope]:
        """Fold the facts of one command as if they were stored; all of them or none."""
        rows: list[Row] = []
        states: dict[str, AnyState] = {}
        first = self.head + 1
        for index, (name, event) in enumerate(facts):
            state = states.get(name) or self.state(name)
            version = state.version + 1
            envelope = Envelope(
                originator_id=name,
                originator_version=version,
                position=first + index,
                event_id=str(uuid_utils.uuid7()),
                recorded_at=self.recorded_at,
                incarnation=version if event.begins_life else state.incarnation,
                index=index,
                count=len(facts),
                meta=meta,
                event=event,
            )
            try:
                rows.append(Row(envelope, *encode(envelope)))
            except EventTooLarge as error:
                raise TooLarge(str(error)) from None
            states[name] = evolve(state, envelope)
        if any(isinstance(event, SHOWN_ANYWHERE) for _, event in facts):
            self._users_changed = True
            self.rosters.clear()
        self.changed.update(states)
        self.rows += rows
        self._link(links_of(row.envelope for row in rows))
        return [row.envelope for row in rows]

    def _link(self, new: list[Link]) -> None:
        self.link_changes += new
        for link in new:
            if link.action == "drop":
                self._dropped.add(link.child)
                for key, children in self._children.items():
                    self._children[key] = children.discard(link.child)
                continue
            key = (link.parent, link.kind)
            known = self._known_children(key)
            if known is None and link.kind == TEAMS and self._unborn(link.parent):
                known = HashTrieMap()
            if known is not None:
                self._children[key] = changed(known, link)

    def _known_children(self, key: LinkKey) -> Children | None:
        """Sets of the cache are taken over when they are needed, without what was dropped since."""
        known = self._children.get(key)
        if known is not None:
            return known
        known = self._cache.children(key)
        if known is not None:
            for child in self._dropped:
                known = known.discard(child)
        return known

    def _unborn(self, parent: str) -> bool:
        """A user that did not exist before this batch is in no team yet."""
        before = self._cache.state(parent) or self._loads.states.get(parent)
        return before is not None and not before.version

    def _find(self, name: str) -> AnyState | None:
        found = self.changed.get(name)
        if found is None:
            found = self._loads.states.get(name)
        return self._cache.state(name) if found is None else found


def _organization_of(state: AnyState | None) -> str | None:
    """The stream that tells whether a team is still there."""
    if not isinstance(state, Team) or not state.open or state.settings.organization_id is None:
        return None
    return stream(ORGANIZATION, state.settings.organization_id)


def links_of(envelopes: Iterable[Envelope]) -> list[Link]:
    """The changes that facts make to what hangs on what, in order."""
    return [link for envelope in envelopes for link in links(envelope)]
