"""Whether somebody could use a model, under /v1."""

from typing import Annotated, Literal

from pydantic import Field

from services.edge.openapi.answers.decision import Check, DecisionBudget
from services.edge.openapi.schema import Document, Moment

Reasons = Literal[Check, "no_user", "no_team", "no_member", "other_team"]


class AccessReason(Document):
    """Why a call would have been refused."""

    check: Annotated[
        Reasons,
        Field(
            description="The check of /v1/decide; or that there was no such user, team, member of "
            "the team, or key in it."
        ),
    ]
    status: Annotated[int, Field(description="With which status.")]
    message: Annotated[str, Field(description="In which words.")]


class AccessFact(Document):
    """A fact by which it was so."""

    about: Annotated[
        str,
        Field(
            description="What it settled: `membership`, `team_models`, `key_blocked`, "
            "`team_budget` and the like."
        ),
    ]
    event_id: Annotated[str, Field(description="The id of the event.")]
    position: Annotated[int, Field(description="Its place in the log.")]
    type: Annotated[str, Field(description="What happened.")]
    at: Annotated[Moment, Field(description="When it was recorded.")]
    by: Annotated[str | None, Field(description="Who did it: a user id.")]


class AccessOfKey(Document):
    """A key of the person."""

    key_hash: Annotated[str, Field(description="Its sha256, in hex.")]
    key_alias: str | None
    allowed: Annotated[bool, Field(description="Whether the call was allowed with it.")]
    reason: AccessReason | None


class AccessPosition(Document):
    """Up to where it was seen."""

    events: Annotated[int, Field(description="The last event.")]
    usage: Annotated[int, Field(description="The last call that was booked.")]


class Access(Document):
    """The answer, and what it is made of."""

    allowed: Annotated[bool, Field(description="Whether the model could be used.")]
    reason: Annotated[AccessReason | None, Field(description="Why not.")]
    user_id: str | None
    key_hash: Annotated[str | None, Field(description="The key; null for any of a person.")]
    team_id: str | None
    organization_id: str | None
    model: Annotated[str, Field(description="The model to call, whatever it was called.")]
    budgets: Annotated[list[DecisionBudget], Field(description="All that were compared.")]
    facts: Annotated[list[AccessFact], Field(description="By which facts.")]
    keys: Annotated[
        list[AccessOfKey],
        Field(description="Of a person: his keys in force then, the oldest 100."),
    ]
    as_of: Annotated[Moment, Field(description="The moment.")]
    position: AccessPosition
