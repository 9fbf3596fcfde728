"""Keys of organizations: which one a key counts for, who decides that, and what it is guaranteed.

A key of a team counts for the organization of its team, wherever that moves; any other may have one
of its own (supporting-api.md 2.2, auth.md 1.3). Only the latter is kept with the key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from events.key import KeySettings
from events.organization import Allowance
from events.streams import KEY, ORGANIZATION, TEAM, kind_and_id, stream
from services.access.principal import INTERNAL_VIEWER, AccessRefused, Principal
from services.command.application.cache import LinkKey
from services.command.application.store import LINKS_SHOWN
from services.command.application.view import View
from services.command.application.within import live_organization
from services.command.domain.dependents import KEYS
from services.command.domain.errors import OtherOrganization, TooManyKeys
from services.command.domain.guarantee import (
    allowance_in,
    allowance_of,
    check_guarantees,
    guaranteed,
)

_COMPARED = ("team_id", "organization_id", "limits", "metadata")


def in_organization(
    view: View, caller: Principal, before: KeySettings | None, wanted: KeySettings
) -> KeySettings:
    """The settings with the organization that is the key's own, as far as the caller may say so.

    Raises OtherOrganization for another one than that of the key's team, NotFound, or 403. `before`
    is None for a key that is to be made. The caller may do to the team of the key what he does.
    """
    own = None if before is None else before.organization_id
    if before is not None and (wanted.team_id, wanted.organization_id) == (before.team_id, own):
        return wanted
    of_team = None if wanted.team_id is None else view.team(wanted.team_id).settings.organization_id
    named = wanted.organization_id
    if of_team is not None:
        if named not in {None, own, of_team}:
            raise OtherOrganization(str(named), str(wanted.team_id), of_team)
        named = None
    if own is not None and own not in {named, of_team}:
        _check_leaves(caller, own)
    if named is not None and named != own:
        _check_enters(view, caller, named)
    return wanted.model_copy(update={"organization_id": named})


def _check_enters(view: View, caller: Principal, organization_id: str) -> None:
    """Proxy admins and members do; to others it is the same whether there is one (D09)."""
    role = dict(caller.org_roles).get(organization_id)
    if not caller.is_admin and role in {None, INTERNAL_VIEWER}:
        raise no_keys_there(caller.user_id, organization_id)
    live_organization(view, organization_id)


def _check_leaves(caller: Principal, organization_id: str) -> None:
    """What bounds the organization bounds the key: its owner does not take it out of there."""
    if not caller.is_admin and organization_id not in caller.administers:
        raise stays_there(organization_id)


def no_keys_there(user_id: str | None, organization_id: str) -> AccessRefused:
    """The refusal of who is no member of an organization, there or not, or only reads in it."""
    return AccessRefused(403, f"User={user_id} cannot have keys in organization={organization_id}")


def stays_there(organization_id: str) -> AccessRefused:
    """The refusal of who would take a key out of the organization it counts for."""
    text = f"Only an admin of organization={organization_id} can take a key out of it"
    return AccessRefused(403, text)


@dataclass(frozen=True, slots=True)
class _Giver:
    """A team or an organization, the throughput it has, and where its keys are found."""

    kind: Literal["team", "organization"]
    most: Allowance
    keys: LinkKey


def check_guaranteed(
    view: View, token: str, before: KeySettings | None, after: KeySettings
) -> None:
    """Raise OverAllowance, or TooManyKeys, for a key that is guaranteed what others have taken.

    A change that has nothing to do with it is not held up. Keys that are void count until their
    own end is recorded.
    """
    if before is not None and all(getattr(before, n) == getattr(after, n) for n in _COMPARED):
        return
    if not guaranteed(after):
        return
    for giver in _givers(view, after):
        check_guarantees(after, _others(view, token, giver), giver.most, giver.kind)


def _givers(view: View, key: KeySettings) -> Sequence[_Giver]:
    givers: list[_Giver] = []
    if key.team_id is not None:
        most = allowance_of(view.team(key.team_id).settings) or Allowance()
        givers.append(_Giver("team", most, (stream(TEAM, key.team_id), KEYS)))
    if key.organization_id is not None:
        found = live_organization(view, key.organization_id)
        most = allowance_in(found, view.budget(found.settings.budget_id).settings)
        keys = (stream(ORGANIZATION, key.organization_id), KEYS)
        givers.append(_Giver("organization", most, keys))
    return givers


def _others(view: View, token: str, giver: _Giver) -> list[Allowance]:
    children = view.children(*giver.keys)
    if view.is_cut(giver.keys):
        raise TooManyKeys(giver.kind, LINKS_SHOWN)
    view.need(children)
    held = (view.key(kind_and_id(name)[1]) for name in children if name != stream(KEY, token))
    taken = (allowance_of(key.settings) for key in held if key.open)
    return [each for each in taken if each is not None]
