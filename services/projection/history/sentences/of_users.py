"""What somebody did to a user, as a phrase that follows his name."""

from events import user
from events.values import Sealed
from services.projection.history.sentences.wording import (
    Phrases,
    Told,
    joined,
    of_list,
    of_object,
    pace,
    quoted,
    replaced,
    says,
    spending,
)

_NOBODY = "somebody who was forgotten"


def created(event: user.UserCreated, told: Told) -> str:
    settings = event.settings
    name = told.teller.opened(settings.email) or told.identity
    role = "" if settings.user_role is None else f" as {settings.user_role}"
    how = " by adding them to a team" if event.implicit else ""
    empty = user.UserBudget()
    parts = [f"created the user {quoted(name)}{role}{how}"]
    return joined([*parts, *spending(empty, user.budget_of(settings))], "")


def email(event: user.UserEmailChanged, told: Told) -> str:
    before, after = (_opened(told, side) for side in (event.before, event.after))
    return joined([*replaced("e-mail address", before, after)], "changed the e-mail address")


def renamed(event: user.UserRenamed, told: Told) -> str:
    before, after = (_opened(told, side) for side in (event.before, event.after))
    return joined([*replaced("name", before, after)], "changed the name")


def role(event: user.UserRoleChanged, _: Told) -> str:
    return joined([*replaced("role", event.before, event.after, str)], "changed the role")


def budget(event: user.UserBudgetChanged, _: Told) -> str:
    return joined(spending(event.before, event.after), "changed the budget")


def limits(event: user.UserLimitsChanged, _: Told) -> str:
    return joined(pace(event.before, event.after), "changed the limits")


def models(event: user.UserModelsChanged, _: Told) -> str:
    return of_list("models", event.before, event.after, "all models may be used")


def metadata(event: user.UserMetadataChanged, _: Told) -> str:
    return of_object("metadata", event.before, event.after)


def details(event: user.UserDetailsChanged, _: Told) -> str:
    return of_object("other settings", event.before, event.after)


def deleted(event: user.UserDeleted, told: Told) -> str:
    return f"deleted the user {quoted(told.teller.opened(event.settings.email) or told.identity)}"


def _opened(told: Told, box: Sealed | None) -> str | None:
    return None if box is None else told.teller.opened(box) or _NOBODY


PHRASES: Phrases = {
    user.UserCreated: created,
    user.UserEmailChanged: email,
    user.UserRenamed: renamed,
    user.UserRoleChanged: role,
    user.UserBudgetChanged: budget,
    user.UserLimitsChanged: limits,
    user.UserModelsChanged: models,
    user.UserMetadataChanged: metadata,
    user.UserDetailsChanged: details,
    user.UserDeleted: deleted,
    user.UserForgotten: says(
        "had the user forgotten: what was sealed for him can be read by nobody"
    ),
}
