"""From a refusal to its answer: one table per route, in the words of the contract."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import HTTPException

from services.command.application.forgetting import FORGET
from services.command.application.members import EverybodyThere
from services.command.application.quarantine import BOOK, DISCARD
from services.command.application.resets import (
    EVERYWHERE_ROUTE,
    KEY_ROUTE,
    MEMBER_ROUTE,
    OUR_MEMBER_ROUTE,
)
from services.command.application.restoration import RESTORE
from services.command.application.reversion import REVERT
from services.command.application.team_parts import CALLBACK_ROUTE, DISABLE_ROUTE
from services.command.application.webhooks import ONE, RETRY, ROTATE, ROUTE, TEST
from services.command.domain import errors
from services.edge.errors import INFO, MANAGEMENT, TITLES, Family, Problem, ShapeA, ShapeB

Shape = Callable[[int, str], HTTPException]
Answer = Callable[[Any], HTTPException]


def _a(status: int, text: str) -> HTTPException:
    return ShapeA(status, text)


def _p(status: int, text: str) -> HTTPException:
    return Problem(status, TITLES[status], text)


def _b(family: Family) -> Shape:
    return lambda status, text: ShapeB(status, text, family=family)


def _rules(shape: Shape) -> dict[type[errors.DomainError], Answer]:
    """What is refused alike everywhere; only the shape differs."""
    return {
        errors.NegativeLimit: lambda e: shape(400, str(e)),
        errors.BudgetOrder: lambda e: shape(400, str(e)),
        errors.OverOwnBudget: lambda e: shape(400, str(e)),
        errors.TooLarge: lambda e: shape(400, str(e)),
        errors.NotAssigned: lambda e: shape(400, str(e)),
        errors.LastModel: lambda e: shape(400, str(e)),
        errors.MaskedSecret: lambda e: shape(400, str(e)),
        errors.OverOrganization: lambda e: shape(400, str(e)),
        errors.OutsideOrganization: lambda e: shape(400, str(e)),
        errors.OverAllowance: lambda e: shape(400, str(e)),
        errors.TooManyKeys: lambda e: shape(400, str(e)),
        errors.OtherOrganization: lambda e: shape(400, str(e)),
        errors.BudgetInUse: lambda e: shape(400, str(e)),
        errors.LimitsMembers: lambda e: shape(400, str(e)),
        errors.NotOfMembers: lambda e: shape(400, str(e)),
        errors.CannotMove: lambda e: shape(403, str(e)),
        errors.ModelOutsideOrganization: lambda e: ShapeB(
            401, str(e), "org_model_access_denied", "model"
        ),
        errors.NotByUpdate: lambda e: shape(400, str(e)),
        errors.NotResettable: lambda e: shape(400, str(e)),
        errors.BudgetInUse: lambda e: shape(400, str(e)),
        errors.TeamsNotByUpdate: lambda e: shape(400, str(e)),
        errors.OverTeamLimit: lambda e: shape(403, str(e)),
        errors.AlreadySettled: lambda e: shape(409, str(e)),
        errors.NotAGateway: lambda e: shape(400, str(e)),
        errors.NotSamePerson: lambda e: shape(
            400,
            f"user_email '{e.email}' and user_id '{e.user_id}' do not belong to the same user.",
        ),
        errors.AlreadyExists: lambda e: _taken(shape, e),
        errors.NotAMember: lambda _: shape(400, "User not found in team"),
        errors.NotFound: lambda e: _missing(shape, e),
    }


_TAKEN: Mapping[str, tuple[int, str]] = {
    "team": (400, "Team id = {} already exists. Please use a different team id."),
    "organization": (400, "Organization id = {} already exists. Please use a different id."),
    "budget": (400, "Budget id = {} already exists. Please use a different id."),
    "user": (409, "User with id {} already exists"),
    "email": (409, "User with email {} already exists"),
}


def _taken(shape: Shape, error: errors.AlreadyExists) -> HTTPException:
    name = error.identity
    if error.kind in _TAKEN:
        status, text = _TAKEN[error.kind]
        return shape(status, text.format(name))
    if error.kind == "key_alias":
        text = (
            f"Key with alias '{name}' already exists. "
            "Unique key aliases across all keys are required."
        )
        return ShapeB(400, text, "bad_request_error", "key_alias", family=MANAGEMENT)
    if error.kind == "callback":
        text = f"callback_name = {name} already exists for this type of calls of the team"
        return ShapeB(400, text, "bad_request_error", "callback_name")
    return shape(409, f"Key {name} already exists")


def _missing(shape: Shape, error: errors.NotFound) -> HTTPException:
    name = error.identity
    match error.kind:
        case "organization":
            return shape(404, f"Organization not found, passed organization_id={name}")
        case "key":
            return shape(404, f"Key {name} not found")
        case "budget":
            return shape(404, f"Budget not found, passed budget_id={name}")
        case "user":
            return shape(404, f"User not found, passed user_id={name}")
    return shape(404, f"Team not found, passed team_id={name}")


def _unknown_key(error: errors.NotFound) -> HTTPException:
    if error.kind != "key":
        return _missing(_b(INFO), error)
    shown = _shown(error.identity)
    return ShapeB(
        401,
        f"Authentication Error: invalid user key - user key does not exist in db. User Key={shown}",
        "auth_error",
        family=INFO,
    )


def _no_team_for_service(error: errors.NotFound) -> HTTPException:
    if error.kind != "team":
        return _missing(_b(MANAGEMENT), error)
    text = "team_id does not exist in the database. Please specify a valid `team_id` in the request"
    return ShapeA(400, f"{text} body.", key=None)


def _key_to_rotate(error: errors.NotFound) -> HTTPException:
    if error.kind != "key":
        return _missing(_b(MANAGEMENT), error)
    return ShapeB(404, f"Key {_shown(error.identity)} not found.", family=MANAGEMENT)


def _shown(key: str) -> str:
    """A key as a refusal names it: never whole where it is one."""
    return f"sk-...{key[-4:]}" if key.startswith("sk-") else key


def _unknown_team(status: int, text: str) -> Answer:
    return lambda e: ShapeA(status, text.format(e.identity))


def _organization(status: int, text: str, shape: Shape = _a) -> Answer:
    """For routes about the members of one organization, which has a text of its own (4)."""
    return lambda e: shape(status, text.format(e.identity))


def _not_waiting(error: errors.NotFound) -> HTTPException:
    return _p(404, f"Nothing waits in quarantine under the id {error.identity}")


_SETTLING: Mapping[type[errors.DomainError], Answer] = {
    **_rules(_p),
    errors.NotFound: _not_waiting,
}


def _no_member(error: errors.NotAMember) -> HTTPException:
    return ShapeA(404, f"User {error.identity} is not in the team")


def _conflict(error: errors.DomainError) -> HTTPException:
    return _p(409, str(error))


def _in_use(error: errors.AlreadyExists) -> HTTPException:
    return _p(409, f"Team id = {error.identity} is in use: only a deleted team can be restored.")


def _in_history(error: errors.NotFound) -> HTTPException:
    """An organization that a team is to return to is not there, whatever the team is."""
    return _conflict(error) if error.kind == "organization" else _missing(_p, error)


def _not_then(error: errors.NotThen) -> HTTPException:
    return _p(400 if error.ahead else 409, str(error))


_BRINGING_BACK: Mapping[type[errors.DomainError], Answer] = {
    **_rules(_p),
    errors.NotFound: _in_history,
    errors.AlreadyExists: _in_use,
    errors.OrganizationGone: _conflict,
    errors.OverOrganization: _conflict,
    errors.OutsideOrganization: _conflict,
    errors.OverAllowance: _conflict,
    errors.CannotMove: _conflict,
    errors.ModelOutsideOrganization: _conflict,
    errors.NotThen: _not_then,
    errors.ChangedMeanwhile: _conflict,
}


def _no_webhook(error: errors.NotFound) -> HTTPException:
    what = "message" if error.kind == "delivery" else "webhook"
    return _p(404, f"There is no {what} with the id {error.identity}")


_OF_WEBHOOKS: Mapping[type[errors.DomainError], Answer] = {
    **_rules(_p),
    errors.NotFound: _no_webhook,
    errors.TooManyWebhooks: _conflict,
}
_IN_B, _IN_A = _rules(_b(MANAGEMENT)), _rules(_a)
_UPDATING: Mapping[type[errors.DomainError], Answer] = {
    **_rules(_b(INFO)),
    errors.NotFound: _unknown_key,
}

REFUSALS: Mapping[str, Mapping[type[errors.DomainError], Answer]] = {
    "/team/new": _IN_B,
    "/team/update": _IN_B,
    "/team/delete": _IN_A,
    "/team/block": _IN_A,
    "/team/unblock": _IN_A,
    "/team/member_add": {
        **_IN_A,
        errors.NotFound: _unknown_team(
            404, "Team doesn't exist in db. Team={}. Create team via `/team/new` call."
        ),
    },
    "/team/bulk_member_add": {
        **_IN_A,
        errors.NotFound: _unknown_team(
            404, "Team doesn't exist in db. Team={}. Create team via `/team/new` call."
        ),
    },
    "/team/model/add": _IN_A,
    "/team/model/delete": _IN_A,
    "/team/permissions_update": {
        **_IN_A,
        errors.NotFound: _unknown_team(
            404, "Team doesn't exist in db. Team={}. Create team via `/team/new` call."
        ),
    },
    CALLBACK_ROUTE: {
        **_IN_A,
        errors.NotFound: _unknown_team(
            400, "Team id = {} does not exist. Please use a different team id."
        ),
    },
    DISABLE_ROUTE: {
        **_IN_A,
        errors.NotFound: lambda e: ShapeB(404, f"Team id = {e.identity} does not exist."),
    },
    "/team/member_update": {
        **_IN_A,
        errors.NotFound: _unknown_team(400, "Team id={} does not exist in db"),
        errors.NotAMember: lambda e: ShapeA(
            400, f"User id doesn't exist in team table. Data={e.identity}"
        ),
    },
    "/team/member_delete": {
        **_IN_A,
        errors.NotFound: _unknown_team(400, "Team id={} does not exist in db"),
    },
    "/user/new": _IN_B,
    "/user/update": _rules(_b(INFO)),
    "/user/bulk_update": _IN_B,
    "/user/delete": _IN_A,
    "/key/generate": _IN_B,
    "/key/service-account/generate": {**_IN_B, errors.NotFound: _no_team_for_service},
    "/key/update": _UPDATING,
    "/key/bulk_update": _UPDATING,
    "/key/regenerate": {**_IN_B, errors.NotFound: _key_to_rotate},
    "/key/{key}/regenerate": {**_IN_B, errors.NotFound: _key_to_rotate},
    "/key/delete": {**_IN_B, errors.NotFound: lambda _: ShapeB(404, "No keys found")},
    "/key/block": _IN_B,
    "/key/unblock": _IN_B,
    "/budget/new": _IN_A,
    "/budget/update": _IN_A,
    "/budget/delete": _IN_A,
    "/organization/new": _IN_A,
    "/organization/update": _IN_A,
    "/organization/delete": _IN_A,
    "/organization/member_add": {
        **_rules(_b(INFO)),
        errors.NotFound: _organization(
            404, "Organization not found for organization_id={}", _b(INFO)
        ),
        errors.AlreadyMember: lambda e: ShapeB(
            400, f"User already in organization. user_id={', '.join(e.user_ids)}", family=INFO
        ),
    },
    "/organization/member_update": {
        **_IN_A,
        errors.NotFound: _organization(400, "Organization not found for organization_id={}"),
        errors.NotAMember: _organization(404, "Member not found in organization for user_id={}"),
    },
    "/organization/member_delete": _IN_A,
    BOOK: _SETTLING,
    DISCARD: _SETTLING,
    KEY_ROUTE: {**_IN_B, errors.NotFound: _key_to_rotate},
    MEMBER_ROUTE: {**_IN_A, errors.NotAMember: _no_member},
    OUR_MEMBER_ROUTE: {**_IN_A, errors.NotAMember: _no_member},
    EVERYWHERE_ROUTE: _IN_B,
    RESTORE: _BRINGING_BACK,
    REVERT: _BRINGING_BACK,
    FORGET: _BRINGING_BACK,
    **dict.fromkeys((ROUTE, ONE, ROTATE, TEST, RETRY), _OF_WEBHOOKS),
}


def answer_for(route: str, error: errors.DomainError) -> HTTPException:
    """The answer of `route` to a refusal; a class missing from the table is a defect."""
    table = REFUSALS[route]
    for cls in type(error).__mro__:
        if (make := table.get(cls)) is not None:
            return make(error)
    raise LookupError(f"{type(error).__name__} has no answer at {route}")


def text_of(route: str, error: errors.DomainError) -> str:
    """What `route` would say, for one of several results."""
    refusal = answer_for(route, error)
    return refusal.text if isinstance(refusal, ShapeA | ShapeB) else str(error)


def everybody_there(error: EverybodyThere, emails: Mapping[str, str | None]) -> HTTPException:
    """The refusal that shows the roster (team-api.md 3.9); `emails` by user id, opened."""
    members = [
        f"Member(user_id={m.user_id!r}, user_email={emails.get(m.user_id)!r}, role={m.role!r})"
        for m in error.answer.members
    ]
    roster = f"[{', '.join(members)}]"
    if error.answer.members_total is not None:
        roster += f" of members_total={error.answer.members_total}"
    if not error.single:
        text = f"All users are already in team. Existing members={roster}"
    else:
        asked = error.asked[0]
        email = None if asked.email is None else asked.email.shown
        text = (
            f"User already in team. Member: user_id={asked.user_id}, user_email={email}. "
            f"Existing members={roster}"
        )
    return ShapeB(400, text, "team_member_already_in_team", "member")
