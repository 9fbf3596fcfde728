"""Bringing back what was, and forgetting for good (decision 012)."""

from fastapi import APIRouter
from starlette.responses import Response

from events.streams import TEAM, stream
from services.command.api import render_history as render
from services.command.api.context import Caller, CallerDep
from services.command.application.forgetting import FORGET, Forgetting
from services.command.application.requests import Terms
from services.command.application.restoration import RESTORE, RestoreTeam
from services.command.application.reversion import (
    REVERT,
    AdmitToRevert,
    Past,
    RevertTeam,
    To,
    past_of,
)
from services.command.domain.errors import DomainError
from services.edge.body import LedgerRoute
from services.edge.requests import history as requests
from services.edge.requests.common import Identifier, UserId

router = APIRouter(route_class=LedgerRoute, tags=["history"])


@router.post(RESTORE)
async def restore_team(
    caller: CallerDep, team_id: Identifier, body: requests.RestoreTeam | None = None
) -> Response:
    """Bring a deleted team back whole: settings, members, limits, spend, history.

    The life that was ended goes on. Keys stay revoked unless `keys` is true; then those that went
    with the team work again, under their old secrets. Users who are gone and aliases that others
    took are left out and reported. 409 if the id is in use, or the organization of the team is gone
    or has no room for it.

    Of more than 1,000 members, or 50 keys, all are looked at in portions that follow: members who
    are gone are no members before that either, and keys work once they are restored.
    """
    keys = body is not None and body.keys
    zone = caller.context.zone
    command = RestoreTeam(team_id, keys)
    done = await caller.carry_out(command, lambda made: render.restored(made, zone))
    return await caller.respond(done)


@router.post(REVERT)
async def revert_team(
    caller: CallerDep, team_id: Identifier, body: requests.RevertTeam
) -> Response:
    """Make a team what it was at an earlier moment of its present life.

    What differs is changed back, and recorded like any other change: settings, members, their roles
    and limits. Users who are gone are left out and reported; keys of members who leave go with
    them. Other keys, and what was spent, stay as they are. 409 if the team was not there then, or
    would not fit into its organization.
    """
    zone = caller.context.zone
    to = To(*body.to)
    command = RevertTeam(team_id, to, await _past(caller, team_id, to))
    done = await caller.carry_out(command, lambda made: render.reverted(made, zone))
    return await caller.respond(done)


async def _past(caller: Caller, team_id: str, to: To) -> Past | None:
    """The team as it was; None for whom the command is going to tell why not."""
    loop = caller.context.loop
    try:
        await loop.handle(AdmitToRevert(team_id), caller.origin, lambda done: done, Terms())
    except DomainError:
        return None
    return await past_of(loop.facts(stream(TEAM, team_id)), to)


@router.post(FORGET)
async def forget_user(caller: CallerDep, user_id: UserId) -> Response:
    """Forget a person: delete the user if he is there, and the keys to his personal data for good.

    Addresses, names, network addresses and claims can be read by nobody from then on, in history,
    exports and backups that are made later. The rest of history, totals and positions stay as they
    are. What was put into metadata was never sealed, and an id that is an e-mail address stands in
    facts that nobody changes: `remains` says so.
    """
    forgetting = Forgetting(caller.context.loop, caller.context.vault)
    try:
        done = await forgetting.carry_out(user_id, caller.origin, render.forgotten, caller.terms)
    except DomainError as error:
        raise caller.refusal(error) from None
    return await caller.respond(done)
