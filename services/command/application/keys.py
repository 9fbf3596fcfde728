"""Use cases on virtual keys."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from events.duration import BudgetDuration
from events.key import Cause, KeySettings
from events.registry import DomainEvent
from events.streams import KEY, KEY_ALIAS, TEAM, stream
from services.access.policy import check_route
from services.access.principal import AccessRefused, Principal
from services.command.application.answers import KeyAnswer, key_answer
from services.command.application.callers import void_because
from services.command.application.key_organizations import check_guaranteed, in_organization
from services.command.application.key_rights import (
    check_key_rights,
    check_narrowing,
    check_permission,
    live_key,
)
from services.command.application.membership import member_of
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain import key, reservation
from services.command.domain.errors import NotAssigned, NotFound, OverOwnBudget
from services.command.domain.key import ApiKey
from services.command.domain.team import Team


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key under the hash of a secret that the caller is shown once."""

    token: str
    settings: KeySettings
    fresh: bool
    name: str = "GenerateKey"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/key/generate", caller)
        if self.settings.user_id is None and not caller.is_admin:
            owned = self.settings.model_copy(update={"user_id": caller.user_id})
            return replace(self, settings=owned).decide(view, caller)
        if self.settings.of_gateway and not caller.is_admin:
            raise AccessRefused(403, "Only proxy admin can make the key of a gateway")
        self._check_owner(view, caller)
        check_narrowing(view, caller, None, self.settings)
        self._check_team(view, caller)
        facts = self.in_organization(view, caller).facts(view)
        return Decision(facts, self.answer, subject=stream(KEY, self.token))

    def in_organization(self, view: View, caller: Principal) -> "NewKey":
        """The same where it counts, if the caller may have it there and it fits (2.2)."""
        settings = in_organization(view, caller, None, self.settings)
        check_guaranteed(view, self.token, None, settings)
        return replace(self, settings=settings)

    def facts(self, view: View) -> list[tuple[str, DomainEvent]]:
        """What generating the key records; raises AlreadyExists for a used secret or alias."""
        name = stream(KEY, self.token)
        if self.fresh:
            view.assume_new(name)
        settings = self.settings
        settings = settings.model_copy(update=ties(view, settings.team_id, settings.user_id))
        if settings.team_id is not None and settings.user_id is not None:
            settings = _lasting(settings, view.team(settings.team_id), view.now)
        generated = key.generate(view.key(self.token), settings)
        facts: list[tuple[str, DomainEvent]] = [(name, fact) for fact in generated]
        if (alias := settings.key_alias) is not None:
            facts += alias_claimed(view, alias, self.token)
        return facts

    def answer(self, after: View) -> KeyAnswer:
        return key_answer(after, self.token)

    def _check_owner(self, view: View, caller: Principal) -> None:
        """Others than admins make keys for themselves, within their own budget (2.2, S04)."""
        wanted = self.settings.user_id
        if caller.is_admin:
            return
        if wanted is None or wanted != caller.user_id:
            raise AccessRefused(
                403,
                "User can only create keys for themselves. "
                f"Got user_id={wanted}, Your ID={caller.user_id}",
            )
        check_own_budget(view, wanted, self.settings.max_budget)

    def _check_team(self, view: View, caller: Principal) -> None:
        team_id = self.settings.team_id
        if team_id is None:
            return
        team = view.team(team_id)
        if not caller.is_admin:
            check_maker(view, team, team_id, caller, "/key/generate")
        if not team.open:
            raise NotFound("team", team_id)


def check_maker(view: View, team: Team, team_id: str, caller: Principal, route: str) -> None:
    """Raise unless the caller may make keys of the team: its admins, members by permission.

    Strangers get the same answer whether the team exists or not (D09).
    """
    member = member_of(view, team, caller.user_id)
    if member is None or not team.open:
        raise NotAssigned(caller.user_id, team_id)
    if member.role != "admin":
        check_permission(team, team_id, route)


def _lasting(settings: KeySettings, team: Team, now: datetime) -> KeySettings:
    """A team may say how long the keys of its members last (supporting-api.md 2.2)."""
    forced = team.settings.metadata.get("team_member_key_duration")
    try:
        expires = BudgetDuration.parse(str(forced)).expires_after(now)
    except ValueError:  # none, or something else that a client keeps under this name
        return settings
    extra = {**settings.extra, "duration": forced}
    return settings.model_copy(update={"expires": expires, "extra": extra})


def check_own_budget(view: View, user_id: str | None, asked: Decimal | None) -> None:
    """Raise OverOwnBudget for a key that could spend more than its owner (S04).

    A key without a budget of its own is bounded by what bounds its owner (auth.md 2, 24 and 25).
    """
    own = None if user_id is None else view.user(user_id).settings.max_budget
    if own is not None and asked is not None and asked > own:
        raise OverOwnBudget(asked, own)


def ties(view: View, team_id: str | None, user_id: str | None) -> dict[str, int | None]:
    """Which life of its team and which membership of its owner a key is made for."""
    if team_id is None:
        return {"team_incarnation": None, "member_since": None}
    team = view.team(team_id)
    member = member_of(view, team, user_id)
    since = None if member is None else member.joined
    return {"team_incarnation": team.incarnation, "member_since": since}


@dataclass(frozen=True, slots=True)
class DeleteKeys:
    """By tokens or by aliases; nothing is deleted unless all found ones may be (2.5)."""

    tokens: Sequence[tuple[str, str]]
    aliases: Sequence[str]
    name: str = "DeleteKey"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route("/key/delete", caller)
        named = self._named(view)
        view.need(stream(KEY, token) for _, token in named)
        found = {token: (shown, view.key(token)) for shown, token in named}
        live = {token: entry for token, entry in found.items() if entry[1].open}
        if not live:
            raise NotFound("key", ", ".join(shown for shown, _ in named))
        if not caller.is_admin:
            view.need(_teams_of(held for _, held in live.values()))
        for shown, held in live.values():
            check_key_rights(view, caller, held, shown)
        facts = deletions(view, live, "key")
        names = [shown for shown, _ in live.values()]
        subject = stream(KEY, next(iter(live))) if len(found) == 1 else None
        return Decision(facts, lambda _: names, subject=subject)

    def _named(self, view: View) -> list[tuple[str, str]]:
        if self.tokens:
            return list(self.tokens)
        digests = {alias: alias_digest(alias) for alias in self.aliases}
        view.need(stream(KEY_ALIAS, digest) for digest in digests.values())
        holders = [(alias, view.key_alias(digest).holder) for alias, digest in digests.items()]
        return [(alias, holder) for alias, holder in holders if holder is not None]


@dataclass(frozen=True, slots=True)
class BlockKey:
    """Refuse a key, or accept it again; `shown` is how the caller named it."""

    token: str
    shown: str
    blocked: bool

    @property
    def name(self) -> str:
        return "BlockKey" if self.blocked else "UnblockKey"

    def decide(self, view: View, caller: Principal) -> Decision:
        route = "/key/block" if self.blocked else "/key/unblock"
        check_route(route, caller)
        held = live_key(view, self.token, self.shown)
        check_key_rights(view, caller, held, self.shown, route)
        facts = key.set_blocked(held, blocked=self.blocked)
        name = stream(KEY, self.token)
        return Decision(
            [(name, fact) for fact in facts],
            lambda after: key_answer(after, self.token),
            subject=name,
        )


def _teams_of(keys: Iterable[ApiKey]) -> list[str]:
    team_ids = (held.settings.team_id for held in keys)
    return [stream(TEAM, team_id) for team_id in team_ids if team_id is not None]


def deletions(view: View, tokens: Iterable[str], cause: Cause) -> list[tuple[str, DomainEvent]]:
    """The ends of those of these keys that are live, in order; their aliases are free again."""
    names = {token: stream(KEY, token) for token in tokens}
    view.need(names.values())
    live = {token: held for token in names if (held := view.key(token)).open}
    aliases = (held.settings.key_alias for held in live.values())
    view.need(stream(KEY_ALIAS, alias_digest(alias)) for alias in aliases if alias is not None)
    return [fact for token, held in live.items() for fact in _deletion(view, token, held, cause)]


def _deletion(view: View, token: str, held: ApiKey, cause: Cause) -> list[tuple[str, DomainEvent]]:
    name = stream(KEY, token)
    facts: list[tuple[str, DomainEvent]] = [(name, fact) for fact in key.delete(held, token, cause)]
    if (alias := held.settings.key_alias) is not None:
        digest = alias_digest(alias)
        freed = reservation.release(view.key_alias(digest), token)
        facts += [(stream(KEY_ALIAS, digest), fact) for fact in freed]
    return facts


def alias_claimed(view: View, alias: str, token: str) -> list[tuple[str, DomainEvent]]:
    """The alias is this key's; raises AlreadyExists for that of another one that is in force.

    One that a void key still bears is free: the end of that key is recorded before.
    """
    digest = alias_digest(alias)
    held, ended = view.key_alias(digest), list[tuple[str, DomainEvent]]()
    if held.holder not in {None, token}:
        cause = void_because(view, view.key(str(held.holder)))
        if cause is not None:
            ended = deletions(view, [str(held.holder)], cause)
            held = replace(held, holder=None)
    reserved = reservation.reserve(held, "key_alias", alias, token)
    return [*ended, *((stream(KEY_ALIAS, digest), fact) for fact in reserved)]


def alias_digest(alias: str) -> str:
    """The name under which an alias is reserved."""
    return hashlib.sha256(alias.encode()).hexdigest()
