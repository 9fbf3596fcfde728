"""GET /v1/access: could somebody use a model then, and by which facts (decision 016)."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from events.streams import KEY, TEAM, USER
from services.access.credentials import MAX_ROTATIONS
from services.access.decisions import Call
from services.access.model_rule import Model
from services.access.policy import check_team
from services.access.principal import Towards
from services.edge.body import answer
from services.edge.errors import TITLES, Problem
from services.edge.requests.decide import DEFAULT_ROUTE
from services.projection.api.asked import Text, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, Reader, ReaderDep, ReadRoute
from services.projection.api.judged import Told, lacking, of_another_team, unknown
from services.projection.api.past import AskedAsOf, as_of_or_now
from services.projection.api.readable import token_of
from services.projection.past.facts import About, facts_behind, facts_of_budgets
from services.projection.past.judging import ANY_KEY, Judge, Judged
from services.projection.past.scope import Scope
from services.projection.queries.standing import team_standing

router = APIRouter(route_class=ReadRoute, tags=["history"])
ROUTE = "/v1/access"


class AccessQuery(AskedAsOf):
    """A user, or a key by itself or its sha256, and the model; the team in which he calls it.

    `provider` and `route` are as /v1/decide has them.
    """

    user: Annotated[Text | None, Field(description="The person, by the user id.")] = None
    key: Annotated[Text | None, Field(description="The key, itself or its sha256.")] = None
    team: Annotated[Text | None, Field(description="In the team with this id.")] = None
    model: Annotated[Text, Field(description="The model as it is called.")] = ""
    provider: Annotated[Text | None, Field(description="Who would run it.")] = None
    route: Annotated[Text, Field(description="The path that is called.")] = DEFAULT_ROUTE

    @property
    def call(self) -> Call:
        """What is asked about."""
        return Call(Model(self.model, self.provider), self.route)


@router.get(ROUTE, openapi_extra=documented(AccessQuery))
async def access(reader: ReaderDep, request: Request) -> Response:
    """Whether a person or a key could call a model at a moment, by default now, and by which facts.

    The checks are those of /v1/decide, as the reason that is given; budgets are compared with what
    the ledger knew then, without reservations, which nobody remembers. A person is judged by a key
    without limits of its own, in the team or, without one, for himself; and by each of his keys.

    For proxy admins and viewers; with `team` also for admins of the team and of its organization,
    about that team alone.
    """
    query = asked(request, AccessQuery)
    await _check(reader, query.team)
    if (query.user is None) == (query.key is None):
        raise bad_question("give either user or key")
    if not query.model:
        raise bad_question("give the model")
    async with as_of_or_now(reader, query.as_of, _scope(query)) as at:
        told = await (_of_key if query.key is not None else _of_person)(at, query)
        content = told.content(at)
        return answer(content, headers={POSITION_HEADER: str(content["position"]["events"])})


def bad_question(text: str) -> Problem:
    """The refusal of a question that lacks something."""
    return Problem(400, TITLES[400], text)


async def _check(reader: Reader, team_id: str | None) -> None:
    principal = reader.principal
    if principal.reads_everything:
        return
    named = team_id or ""
    _, found = await team_standing(reader.context.read_pool, principal, named)
    check_team(ROUTE, principal, Towards(named) if found is None else found.towards)


def _scope(query: AccessQuery) -> Scope:
    if query.key is not None:
        return Scope.of(KEY, token_of(query.key))
    team = {} if query.team is None else {TEAM: frozenset([query.team])}
    return Scope({**team, USER: frozenset([query.user or ""])})


async def _of_key(reader: Reader, query: AccessQuery) -> Told:
    judge, token = _judge(reader), token_of(query.key or "")
    judged = await _in_force(judge, token, query.call)
    key = judged.standing.key
    team_id = None if key is None or key.team is None else key.team.team_id
    told = Told(query.model, judged)
    if query.team is not None and team_id != query.team:
        if not reader.principal.reads_everything:
            return Told(query.model, denied=unknown(token))
        if key is not None:
            told = replace(told, denied=of_another_team(query.team))
    return await _proved(reader, query, told)


async def _in_force(judge: Judge, token: str, call: Call) -> Judged:
    """A secret that was rotated stands for its successor until a moment (A08)."""
    [judged] = await judge.judged([token], call)
    for _ in range(MAX_ROTATIONS):
        standing = judged.standing
        if standing.successor is None or standing.until is None or standing.until <= judge.at:
            break
        [judged] = await judge.judged([standing.successor], call)
    return judged


async def _of_person(reader: Reader, query: AccessQuery) -> Told:
    judge, user_id, team_id = _judge(reader), query.user or "", query.team
    person = await judge.person(user_id, team_id)
    denied = lacking(user_id, team_id, person)
    told = Told(query.model, denied=denied, user_id=user_id, team_id=team_id)
    if denied is None:
        await judge.suppose(user_id, team_id, person)
        tokens = await judge.keys_of(user_id, team_id)
        judged, *of_keys = await judge.judged([ANY_KEY, *tokens], query.call)
        told = replace(told, judged=judged, keys=of_keys)
    return await _proved(reader, query, told)


async def _proved(reader: Reader, query: AccessQuery, told: Told) -> Told:
    """With the facts; about a person's own life only those who see everything are told."""
    context, then, judged = reader.context, reader.context.then, told.judged
    key = None if judged is None else judged.standing.key
    about = About(
        token=None if judged is None else judged.standing.token,
        user_id=query.user if key is None else key.user_id,
        team_id=query.team if key is None or key.team is None else key.team.team_id,
        whole=reader.principal.reads_everything,
    )
    position = reader.head if then is None else then.position
    facts = await facts_behind(context.events_pool, position, about)
    if judged is not None:
        facts += await facts_of_budgets(context.events_pool, context.read_pool, judged)
    return replace(told, facts=facts)


def _judge(reader: Reader) -> Judge:
    context = reader.context
    return Judge(context.read_pool, context.spending, context.zone, reader.now)
