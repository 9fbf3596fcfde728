"""From a refusal to its answer: one table per route."""

from collections.abc import Mapping

from fastapi import HTTPException

from services.command.api.wording import (
    Answer,
    conflict,
    key_to_rotate,
    no_member,
    no_organization,
    no_team_for_service,
    no_webhook,
    not_in_history,
    not_then,
    not_waiting,
    problem,
    rules,
    shape_a,
    shape_b,
    team_in_use,
    unknown_key,
    unknown_team,
)
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
from services.edge.errors import INFO, MANAGEMENT, ShapeA, ShapeB

_SETTLING: Mapping[type[errors.DomainError], Answer] = {
    **rules(problem),
    errors.NotFound: not_waiting,
}
_BRINGING_BACK: Mapping[type[errors.DomainError], Answer] = {
    **rules(problem),
    errors.NotFound: not_in_history,
    errors.AlreadyExists: team_in_use,
    errors.OrganizationGone: conflict,
    errors.OverOrganization: conflict,
    errors.OutsideOrganization: conflict,
    errors.OverAllowance: conflict,
    errors.CannotMove: conflict,
    errors.ModelOutsideOrganization: conflict,
    errors.NotThen: not_then,
    errors.ChangedMeanwhile: conflict,
}
_OF_WEBHOOKS: Mapping[type[errors.DomainError], Answer] = {
    **rules(problem),
    errors.NotFound: no_webhook,
    errors.TooManyWebhooks: conflict,
}
_IN_B, _IN_A = rules(shape_b(MANAGEMENT)), rules(shape_a)
_IN_A_TEAM: Mapping[type[errors.DomainError], Answer] = {
    **_IN_A,
    errors.NotFound: unknown_team(
        404, "Team doesn't exist in db. Team={}. Create team via `/team/new` call."
    ),
}
_UPDATING: Mapping[type[errors.DomainError], Answer] = {
    **rules(shape_b(INFO)),
    errors.NotFound: unknown_key,
}

REFUSALS: Mapping[str, Mapping[type[errors.DomainError], Answer]] = {
    "/team/new": _IN_B,
    "/team/update": _IN_B,
    "/team/delete": _IN_A,
    "/team/block": _IN_A,
    "/team/unblock": _IN_A,
    "/team/member_add": _IN_A_TEAM,
    "/team/bulk_member_add": _IN_A_TEAM,
    "/team/model/add": _IN_A,
    "/team/model/delete": _IN_A,
    "/team/permissions_update": _IN_A_TEAM,
    CALLBACK_ROUTE: {
        **_IN_A,
        errors.NotFound: unknown_team(
            400, "Team id = {} does not exist. Please use a different team id."
        ),
    },
    DISABLE_ROUTE: {
        **_IN_A,
        errors.NotFound: lambda e: ShapeB(404, f"Team id = {e.identity} does not exist."),
    },
    "/team/member_update": {
        **_IN_A,
        errors.NotFound: unknown_team(400, "Team id={} does not exist in db"),
        errors.NotAMember: lambda e: ShapeA(
            400, f"User id doesn't exist in team table. Data={e.identity}"
        ),
    },
    "/team/member_delete": {
        **_IN_A,
        errors.NotFound: unknown_team(400, "Team id={} does not exist in db"),
    },
    "/user/new": _IN_B,
    "/user/update": rules(shape_b(INFO)),
    "/user/bulk_update": _IN_B,
    "/user/delete": _IN_A,
    "/key/generate": _IN_B,
    "/key/service-account/generate": {**_IN_B, errors.NotFound: no_team_for_service},
    "/key/update": _UPDATING,
    "/key/bulk_update": _UPDATING,
    "/key/regenerate": {**_IN_B, errors.NotFound: key_to_rotate},
    "/key/{key}/regenerate": {**_IN_B, errors.NotFound: key_to_rotate},
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
        **rules(shape_b(INFO)),
        errors.NotFound: no_organization(
            404, "Organization not found for organization_id={}", shape_b(INFO)
        ),
        errors.AlreadyMember: lambda e: ShapeB(
            400, f"User already in organization. user_id={', '.join(e.user_ids)}", family=INFO
        ),
    },
    "/organization/member_update": {
        **_IN_A,
        errors.NotFound: no_organization(400, "Organization not found for organization_id={}"),
        errors.NotAMember: no_organization(404, "Member not found in organization for user_id={}"),
    },
    "/organization/member_delete": _IN_A,
    BOOK: _SETTLING,
    DISCARD: _SETTLING,
    KEY_ROUTE: {**_IN_B, errors.NotFound: key_to_rotate},
    MEMBER_ROUTE: {**_IN_A, errors.NotAMember: no_member},
    OUR_MEMBER_ROUTE: {**_IN_A, errors.NotAMember: no_member},
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
