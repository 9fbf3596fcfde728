"""What somebody did to a key, as a phrase that follows his name. Hashes are not told."""

from events import key
from services.projection.history.sentences.wording import (
    Phrases,
    Told,
    joined,
    moment,
    of_list,
    of_object,
    pace,
    quoted,
    replaced,
    says,
    spending,
)

_CAUSES = {
    "key": "",
    "member": ", as its owner left the team",
    "team": ", as its team was deleted",
    "user": ", as its owner was deleted",
    "organization": ", as its organization was deleted",
}


def _named(settings: key.KeySettings) -> str:
    return quoted(settings.key_alias or settings.key_name)


def generated(event: key.KeyGenerated, told: Told) -> str:
    settings = event.settings
    if event.succeeds is not None:
        return f"gave the key {_named(settings)} a new secret"
    parts = [f"generated the key {_named(settings)}{_owner(told, key.owner_of(settings))}"]
    return joined([*parts, *spending(key.KeyBudget(), key.budget_of(settings))], "")


def renamed(event: key.KeyRenamed, _: Told) -> str:
    return joined([*replaced("alias of the key", event.before, event.after)], "renamed the key")


def moved(event: key.KeyMoved, told: Told) -> str:
    return f"made the key one{_owner(told, event.after) or ' of nobody'}"


def budget(event: key.KeyBudgetChanged, _: Told) -> str:
    return joined(spending(event.before, event.after), "changed the budget")


def limits(event: key.KeyLimitsChanged, _: Told) -> str:
    return joined(pace(event.before, event.after), "changed the limits")


def models(event: key.KeyModelsChanged, _: Told) -> str:
    return of_list("models", event.before, event.after, "all models may be used")


def routes(event: key.KeyRoutesChanged, _: Told) -> str:
    return of_list("allowed routes", event.before, event.after, "none is ruled out")


def expiry(event: key.KeyExpiryChanged, _: Told) -> str:
    return joined([*replaced("expiry", event.before, event.after, moment)], "changed the expiry")


def metadata(event: key.KeyMetadataChanged, _: Told) -> str:
    return of_object("metadata", event.before, event.after)


def details(event: key.KeyDetailsChanged, _: Told) -> str:
    return of_object("other settings", event.before, event.after)


def rotated(event: key.KeyRotated, _: Told) -> str:
    until = "at once" if event.until is None else f"from {moment(event.until)} on"
    return f"rotated the key {_named(event.settings)}: this secret is refused {until}"


def deleted(event: key.KeyDeleted, _: Told) -> str:
    return f"deleted the key {_named(event.settings)}{_CAUSES[event.cause]}"


def restored(event: key.KeyRestored, _: Told) -> str:
    return f"restored the key {_named(event.settings)} with its team"


def _owner(told: Told, owner: key.KeyOwner) -> str:
    found = "" if owner.user_id is None else f" of {told.teller.person(owner.user_id)}"
    found += "" if owner.team_id is None else f" in the team {quoted(owner.team_id)}"
    if owner.organization_id is not None:
        found += f" in the organization {quoted(owner.organization_id)}"
    return found


PHRASES: Phrases = {
    key.KeyGenerated: generated,
    key.KeyRenamed: renamed,
    key.KeyMoved: moved,
    key.KeyBudgetChanged: budget,
    key.KeyLimitsChanged: limits,
    key.KeyModelsChanged: models,
    key.KeyRoutesChanged: routes,
    key.KeyExpiryChanged: expiry,
    key.KeyMetadataChanged: metadata,
    key.KeyDetailsChanged: details,
    key.KeyBlocked: says("blocked the key"),
    key.KeyUnblocked: says("unblocked the key"),
    key.KeyRotated: rotated,
    key.KeyDeleted: deleted,
    key.KeyRestored: restored,
}
