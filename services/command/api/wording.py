"""What a refusal says, in the words of the contract, and in which shape."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import HTTPException

from services.command.domain import errors
from services.edge.errors import INFO, MANAGEMENT, TITLES, Family, Problem, ShapeA, ShapeB

Shape = Callable[[int, str], HTTPException]
Answer = Callable[[Any], HTTPException]


_IN_THEIR_WORDS = (
    errors.BudgetInUse,
    errors.BudgetOrder,
    errors.LastModel,
    errors.LimitsMembers,
    errors.MaskedSecret,
    errors.NegativeLimit,
    errors.NotAGateway,
    errors.NotAssigned,
    errors.NotByUpdate,
    errors.NotOfMembers,
    errors.NotResettable,
    errors.OtherOrganization,
    errors.OutsideOrganization,
    errors.OverAllowance,
    errors.OverOrganization,
    errors.OverOwnBudget,
    errors.TeamsNotByUpdate,
    errors.TooLarge,
    errors.TooManyKeys,
)
"""400, and nothing to add."""


def shape_a(status: int, text: str) -> HTTPException:
    """In shape A."""
    return ShapeA(status, text)


def problem(status: int, text: str) -> HTTPException:
    """As a problem (RFC 9457), on routes that LiteLLM does not have."""
    return Problem(status, TITLES[status], text)


def shape_b(family: Family) -> Shape:
    """In shape B, as a family of routes has it."""
    return lambda status, text: ShapeB(status, text, family=family)


def rules(shape: Shape) -> dict[type[errors.DomainError], Answer]:
    """What is refused alike everywhere; only the shape differs."""
    return {
        **dict.fromkeys(_IN_THEIR_WORDS, lambda e: shape(400, str(e))),
        errors.CannotMove: lambda e: shape(403, str(e)),
        errors.ModelOutsideOrganization: lambda e: ShapeB(
            401, str(e), "org_model_access_denied", "model"
        ),
        errors.OverTeamLimit: lambda e: shape(403, str(e)),
        errors.AlreadySettled: lambda e: shape(409, str(e)),
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


def unknown_key(error: errors.NotFound) -> HTTPException:
    """Of who changes a key that is not there."""
    if error.kind != "key":
        return _missing(shape_b(INFO), error)
    shown = _shown(error.identity)
    return ShapeB(
        401,
        f"Authentication Error: invalid user key - user key does not exist in db. User Key={shown}",
        "auth_error",
        family=INFO,
    )


def no_team_for_service(error: errors.NotFound) -> HTTPException:
    """Of who makes a service account in a team that is not there."""
    if error.kind != "team":
        return _missing(shape_b(MANAGEMENT), error)
    text = "team_id does not exist in the database. Please specify a valid `team_id` in the request"
    return ShapeA(400, f"{text} body.", key=None)


def key_to_rotate(error: errors.NotFound) -> HTTPException:
    """Of who rotates a key that is not there."""
    if error.kind != "key":
        return _missing(shape_b(MANAGEMENT), error)
    return ShapeB(404, f"Key {_shown(error.identity)} not found.", family=MANAGEMENT)


def _shown(key: str) -> str:
    """A key as a refusal names it: never whole where it is one."""
    return f"sk-...{key[-4:]}" if key.startswith("sk-") else key


def unknown_team(status: int, text: str) -> Answer:
    """For routes that have a text of their own; `{}` is the team's id."""
    return lambda e: ShapeA(status, text.format(e.identity))


def no_organization(status: int, text: str, shape: Shape = shape_a) -> Answer:
    """For routes about the members of one organization, which has a text of its own (4)."""
    return lambda e: shape(status, text.format(e.identity))


def not_waiting(error: errors.NotFound) -> HTTPException:
    """Of who settles what is not in quarantine."""
    return problem(404, f"Nothing waits in quarantine under the id {error.identity}")


def no_member(error: errors.NotAMember) -> HTTPException:
    """Of who resets what somebody has spent who is not in the team."""
    return ShapeA(404, f"User {error.identity} is not in the team")


def conflict(error: errors.DomainError) -> HTTPException:
    """It would pass once something else is changed."""
    return problem(409, str(error))


def team_in_use(error: errors.AlreadyExists) -> HTTPException:
    """Of who restores a team that is there."""
    return problem(
        409, f"Team id = {error.identity} is in use: only a deleted team can be restored."
    )


def not_in_history(error: errors.NotFound) -> HTTPException:
    """An organization that a team is to return to is not there, whatever the team is."""
    return conflict(error) if error.kind == "organization" else _missing(problem, error)


def not_then(error: errors.NotThen) -> HTTPException:
    """Of who goes back to when a thing was not there, or to a moment ahead."""
    return problem(400 if error.ahead else 409, str(error))


def no_webhook(error: errors.NotFound) -> HTTPException:
    """Neither the webhook nor a message to it is there."""
    what = "message" if error.kind == "delivery" else "webhook"
    return problem(404, f"There is no {what} with the id {error.identity}")
