"""Bringing a deleted team back, with its members and, if asked for, its keys (decision 012).

`team.restored` brings everything back at once. What follows in portions, where there is too much
for one append, changes nothing of that: members who were deleted meanwhile are void by rule before
they are removed, and keys are void before they are restored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from events.key import KeySettings
from events.registry import DomainEvent
from events.streams import KEY, KEY_ALIAS, TEAM, kind_and_id, stream
from services.access.policy import check_route, check_team
from services.access.principal import Principal, Towards
from services.command.application.answers import ROSTER_SHOWN, TeamAnswer, team_answer
from services.command.application.cache import LinkKey
from services.command.application.callers import orphaned, outlives, owners
from services.command.application.keys import alias_claimed, alias_digest
from services.command.application.membership import is_over
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.application.within import allowance_facts, check_fits
from services.command.domain import key, team_restoration
from services.command.domain.dependents import KEYS, revoked_keys
from services.command.domain.errors import OrganizationGone
from services.command.domain.key import ApiKey
from services.command.domain.team import Team

RESTORE = "/v1/teams/{team_id:path}/restore"
KEYS_AT_ONCE = 50
"""Keys that come back in the append of their team; of more, all follow in chunks."""

MEMBERS_CHECKED = 100
"""Members of a large team who are looked at in one append."""

MEMBERS_TO_CHECK, KEYS_TO_RESTORE = "members to check", "keys to restore"
"""What is left to do, as it stands in `ops.chores`; of keys with the life that they were of."""

Facts = list[tuple[str, DomainEvent]]


@dataclass(frozen=True, slots=True)
class KeyBack:
    """A key by its hash; `alias` is the one it bore, `taken` tells that somebody else bears it."""

    token: str
    settings: KeySettings
    alias: str | None
    taken: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """A team that is back. `departed` are former members who are users no more.

    `keys` are back, too, `lost` are those that cannot be: their owner or his membership is gone.
    `members_to_check` and `keys_to_follow` count what comes in portions, of keys not all.
    """

    team: TeamAnswer
    departed: Sequence[str]
    keys: Sequence[KeyBack]
    lost: Sequence[str]
    members_to_check: int
    keys_to_follow: int


@dataclass(frozen=True, slots=True)
class RestoreTeam:
    """Everything the team was when it was deleted; with `keys` those that went with it work again.

    Raises NotFound or AlreadyExists for a team that is not deleted, OrganizationGone, and what
    `domain.within` raises for a team that does not fit into its organization any more.
    """

    team_id: str
    keys: bool
    name: str = "RestoreTeam"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(RESTORE, caller)
        name = stream(TEAM, self.team_id)
        view.need([name])
        found = view.recorded_team(self.team_id)
        gone = _organization_gone(view, found)
        check_team(RESTORE, caller, _former(self.team_id, found, gone=gone))
        if gone:
            raise OrganizationGone(str(found.settings.organization_id))
        facts: Facts = [
            (name, fact) for fact in team_restoration.restore(found, self.team_id, keys=self.keys)
        ]
        check_fits(view, self.team_id, Team(), found.settings)
        departed, members = self._members(view, found)
        back, lost, keys_left = self._keys(view, found)
        facts += [*members, *allowance_facts(view, self.team_id, None, found.settings)]
        facts += [fact for one in back for fact in _key_facts(view, one)]
        chores: list[LinkKey] = []
        if keys_left:
            chores.append((name, f"{KEYS_TO_RESTORE}/{found.incarnation}"))
        unchecked = 0 if len(found.roster) <= ROSTER_SHOWN else len(found.roster)
        if unchecked:
            chores.append((name, MEMBERS_TO_CHECK))
        return Decision(
            facts,
            lambda after: Restored(
                team_answer(after, self.team_id), departed, back, lost, unchecked, keys_left
            ),
            chores=chores,
            subject=name,
            version=found.version,
        )

    def _members(self, view: View, found: Team) -> tuple[list[str], Facts]:
        """Who left meanwhile, and the facts about everybody; a large team is looked at later."""
        if len(found.roster) > ROSTER_SHOWN:
            return [], []
        user_ids = [user_id for user_id, _ in found.roster.ordered()]
        return _checked(view, self.team_id, found, user_ids)

    def _keys(self, view: View, found: Team) -> tuple[list[KeyBack], list[str], int]:
        """The keys that come back at once, those that cannot, and how many others there are."""
        if not self.keys:
            return [], [], 0
        tokens = _candidates(view, self.team_id, found)
        if len(tokens) > KEYS_AT_ONCE:
            return [], [], len(tokens)
        return *keys_back(view, self.team_id, found, tokens), 0


@dataclass(frozen=True, slots=True)
class CheckMembers:
    """A portion of the members of a large team that came back; the answer is how many they were.

    `until` is the position of the restoration: a later one looks at them by itself.
    """

    team_id: str
    until: int
    name: str = "CheckRestoredMembers"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        found = view.team(self.team_id)
        if not of_restoration(found, self.until):
            return Decision((), lambda _: 0)
        user_ids = list(islice(team_restoration.unchecked(found), MEMBERS_CHECKED))
        _, facts = _checked(view, self.team_id, found, user_ids)
        return Decision(facts, lambda _: len(user_ids))


@dataclass(frozen=True, slots=True)
class RestoreKeys:
    """A portion of the keys of a team that came back with them; those that may come back, do."""

    team_id: str
    tokens: tuple[str, ...]
    until: int
    name: str = "RestoreTeamKeys"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        found = view.team(self.team_id)
        if not of_restoration(found, self.until):
            return Decision((), lambda _: {})
        back, _ = keys_back(view, self.team_id, found, self.tokens)
        return Decision([fact for one in back for fact in _key_facts(view, one)], lambda _: {})


def of_restoration(found: Team, until: int) -> bool:
    """Whether what was left to do at that position is still to be done."""
    return found.open and 0 < found.restored_at <= until


def _former(team_id: str, found: Team, *, gone: bool) -> Towards:
    """A deleted team as rules see it: its organization's, and nobody's once that is gone."""
    return Towards(team_id, None, None if gone else found.settings.organization_id)


def _organization_gone(view: View, found: Team) -> bool:
    """Whether the organization of the team was deleted, and be there another of that id."""
    organization_id = found.settings.organization_id
    if not found.incarnation or organization_id is None:
        return False
    held = view.organization(organization_id)
    return not held.open or held.gone_at >= found.organization_at


def _checked(
    view: View, team_id: str, found: Team, user_ids: Sequence[str]
) -> tuple[list[str], Facts]:
    users = view.users(user_ids)
    departed = [u for u in user_ids if is_over(found.roster[u], users[u])]
    name = stream(TEAM, team_id)
    facts = team_restoration.members_back(found, user_ids, frozenset(departed))
    return departed, [(name, fact) for fact in facts]


def _candidates(view: View, team_id: str, found: Team) -> list[str]:
    """Keys that went with the team, and those whose end was still to follow, as far as known."""
    name = stream(TEAM, team_id)
    parents = [(name, revoked_keys(found.incarnation)), (name, KEYS)]
    view.need_children(parents)
    children = dict.fromkeys(child for parent in parents for child in view.children(*parent))
    return sorted(kind_and_id(child)[1] for child in children)


def keys_back(
    view: View, team_id: str, found: Team, tokens: Iterable[str]
) -> tuple[list[KeyBack], list[str]]:
    """Those of these keys that come back with the team, and those that would if their owner were.

    An alias is borne by one of them at most, and not by any if somebody else took it.
    """
    names = {token: stream(KEY, token) for token in tokens}
    view.need(names.values())
    ended = {t: held for t in names if _went_with(team_id, found, held := view.key(t))}
    view.need(name for held in ended.values() for name in owners(held))
    back = {t: held for t, held in ended.items() if _owner_there(view, found, held)}
    _need_holders(view, back)
    return [_back(view, t, held) for t, held in back.items()], [t for t in ended if t not in back]


def _went_with(team_id: str, found: Team, held: ApiKey) -> bool:
    """Whether the last deletion of the team is why the key does not work."""
    settings = held.settings
    of_team = (settings.team_id, settings.team_incarnation) == (team_id, found.incarnation)
    in_time = found.lapsed_at < held.owned_at <= found.gone_at
    return of_team and in_time and (held.open or held.cause == "team")


def _owner_there(view: View, found: Team, held: ApiKey) -> bool:
    """Whether neither its owner, nor his membership, nor the organization of its own is gone."""
    user_id, since = held.settings.user_id, held.settings.member_since
    organization_id = held.settings.organization_id
    if organization_id is not None and outlives(held, view.organization(organization_id).gone_at):
        return False
    if user_id is None:
        return True
    user = view.user(user_id)
    if outlives(held, user.gone_at):
        return False
    if since is None:
        return True
    member = found.roster.get(user_id)
    return member is not None and member.joined == since and not is_over(member, user)


def _need_holders(view: View, back: Mapping[str, ApiKey]) -> None:
    """Whoever bears the aliases of these keys, and what tells whether he is in force."""
    aliases = {held.settings.key_alias for held in back.values()} - {None}
    digests = [alias_digest(str(alias)) for alias in aliases]
    view.need(stream(KEY_ALIAS, digest) for digest in digests)
    holders = {view.key_alias(digest).holder for digest in digests} - {None, *back}
    view.need(stream(KEY, str(holder)) for holder in holders)
    view.need(name for holder in holders for name in owners(view.key(str(holder))))


def _back(view: View, token: str, held: ApiKey) -> KeyBack:
    alias = held.settings.key_alias
    holder = None if alias is None else view.key_alias(alias_digest(alias)).holder
    taken = holder not in {None, token} and not orphaned(view, view.key(str(holder)))
    settings = held.settings.model_copy(update={"key_alias": None}) if taken else held.settings
    return KeyBack(token, settings, alias, taken)


def _key_facts(view: View, one: KeyBack) -> Facts:
    facts: Facts = [(stream(KEY, one.token), fact) for fact in key.restore(one.settings)]
    if one.alias is not None and not one.taken:
        facts += alias_claimed(view, one.alias, one.token)
    return facts
