"""Things with a budget, as folded facts have them: how much, in which windows, by which names."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from events.streams import KEY, stream
from services.command.application.callers import orphaned
from services.command.application.spenders import HELD_BY, Part, parts
from services.command.application.view import Missing, View
from services.command.domain.alert import Names
from services.command.domain.budget import Budget
from services.command.domain.key import ApiKey
from services.command.domain.team import Team
from services.spend.books import key_spender
from services.spend.budgets import Account
from services.spend.raises import raise_of, raised
from services.spend.spenders import Spender


@dataclass(frozen=True, slots=True)
class Budgeted:
    """USD that a thing may spend in a window. A key is all that it was before it was rotated.

    `accounts` begin with what it was first. `raised` tells that it may spend more for a while.
    """

    accounts: tuple[Account, ...]
    max_budget: Decimal | None
    soft_budget: Decimal | None
    names: Names
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Spending:
    """A thing with a budget as it spends."""

    thing: Budgeted
    spender: Spender


def spending(view: View, accounts: Iterable[Account]) -> dict[Account, Spending]:
    """By what was asked for; what is gone, or has no budget, is not in it. Raises Missing."""
    wanted = list(dict.fromkeys(accounts))
    view.need(stream(HELD_BY[account.kind], account.id) for account in wanted)
    things = _budgeted(view, wanted)
    found = parts(view, [one for thing in things.values() for one in thing.accounts])
    return {
        account: Spending(thing, _spender([found[one] for one in thing.accounts]))
        for account, thing in things.items()
    }


def is_one(view: View, account: Account) -> bool:
    """Whether no other account is of the same thing: a key that was never rotated."""
    if account.kind != KEY:
        return True
    key = view.key(account.id)
    return key.rotation is None and key.before is None


def _budgeted(view: View, accounts: Iterable[Account]) -> dict[Account, Budgeted]:
    """What is not at hand is asked for all at once."""
    found, missing = dict[Account, Budgeted](), Missing()
    for account in accounts:
        try:
            thing = _of(view, account)
        except Missing as absent:
            missing |= absent
            continue
        if thing is not None and (thing.max_budget or thing.soft_budget):
            found[account] = thing
    if missing.streams or missing.links:
        raise missing
    return found


def _of(view: View, account: Account) -> Budgeted | None:
    match account.kind:
        case "key":
            return _key(view, account.id)
        case "team" | "member":
            return _team(view, account)
        case "user":
            return _user(view, account)
    return _organization(view, account)


def _team(view: View, account: Account) -> Budgeted | None:
    team = view.team(account.id)
    if not team.open or team.incarnation != account.incarnation:
        return None
    if account.kind == "team":
        held = team.settings.budget
        names = _named(view, Names(team_id=account.id), team)
        return Budgeted((account,), held.max_budget, held.soft_budget, names)
    member = team.roster.get(account.member)
    limits = None if member is None else member.limits or team.settings.member_defaults
    if limits is None:
        return None
    names = _named(view, Names(user_id=account.member, team_id=account.id), team)
    return Budgeted((account,), limits.max_budget, None, names)


def _user(view: View, account: Account) -> Budgeted | None:
    user = view.user(account.id)
    if not user.open or user.incarnation != account.incarnation:
        return None
    return Budgeted((account,), user.settings.max_budget, None, Names(user_id=account.id))


def _organization(view: View, account: Account) -> Budgeted | None:
    organization = view.organization(account.id)
    if not organization.open or organization.incarnation != account.incarnation:
        return None
    member = organization.members.get(account.member) if account.member else None
    names = Names(
        user_id=account.member or None,
        organization_id=account.id,
        organization_alias=organization.settings.organization_alias,
    )
    if account.member:
        limits = None if member is None else member.limits
        return Budgeted((account,), None if limits is None else limits.max_budget, None, names)
    held = _shared(view, organization.settings.budget_id)
    if held is None:
        return None
    return Budgeted((account,), held.settings.max_budget, held.settings.soft_budget, names)


def _key(view: View, token: str) -> Budgeted | None:
    """Under whichever of its hashes a call was booked; each field of its own goes first."""
    key = view.key(token)
    while key.rotation is not None:
        token = key.rotation.successor
        key = view.key(token)
    if not key.open or orphaned(view, key):
        return None
    settings = key.settings
    shared = _shared(view, settings.extra.get("budget_id"))
    row = None if shared is None else shared.settings
    own, soft = settings.max_budget, settings.soft_budget
    extra = raise_of(settings.metadata)
    most = row.max_budget if own is None and row is not None else own
    return Budgeted(
        tuple(_life(view, token, key)),
        raised(most, extra, view.now),
        row.soft_budget if soft is None and row is not None else soft,
        _names_of_key(view, key),
        raised=extra is not None,
    )


def _life(view: View, token: str, key: ApiKey) -> list[Account]:
    accounts = [Account(KEY, token, key.incarnation)]
    while key.before is not None:
        token, key = key.before, view.key(key.before)
        accounts.insert(0, Account(KEY, token, key.incarnation))
    return accounts


def _shared(view: View, budget_id: object) -> Budget | None:
    if not isinstance(budget_id, str):
        return None
    budget = view.budget(budget_id)
    return budget if budget.open else None


def _names_of_key(view: View, key: ApiKey) -> Names:
    settings = key.settings
    names = Names(
        user_id=settings.user_id,
        key_alias=settings.key_alias,
        team_id=settings.team_id,
        organization_id=settings.organization_id,
    )
    return _named(view, names, None if names.team_id is None else view.team(names.team_id))


def _named(view: View, names: Names, team: Team | None) -> Names:
    """With what the team, and the organization it is in, is called."""
    if team is not None:
        organization_id = names.organization_id or team.settings.organization_id
        alias = team.settings.team_alias
        names = replace(names, team_alias=alias, organization_id=organization_id)
    if names.organization_id is None:
        return names
    organization = view.organization(names.organization_id).settings
    return replace(names, organization_alias=organization.organization_alias)


def _spender(found: list[Part]) -> Spender:
    if found[0].account.kind != KEY:
        return found[0].spender
    return key_spender([(one.account, one.book) for one in found])
