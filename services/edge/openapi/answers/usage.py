"""Usage: what gateways report, what becomes of it, and what is left to be decided about."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from events.usage import LONGEST_NAME, MOST_TAGS, MOST_TOKENS
from services.edge.openapi.schema import SOMETIMES, Document, Moment

_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
_Start = Annotated[str, Field(json_schema_extra={"format": "date-time"})] | float
_Tokens = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
_Difference = Annotated[int, Field(ge=-MOST_TOKENS, le=MOST_TOKENS)]
_Usd = Annotated[
    float | str, Field(description="USD, kept exactly; beyond 18 decimals rounded, half to even.")
]


class UsageRecord(Document):
    """One call of a model. null is the same as absent; a field that is not here is refused.

    `team_id` and `user_id` count only where no key is known.
    """

    id: _Name = Field(
        description="The gateway's own id of the call, the same however often it is reported."
    )
    started_at: _Start
    ended_at: _Start | None = SOMETIMES
    key: Annotated[str | None, Field(description="The key, hashed on arrival; or `key_hash`.")] = (
        SOMETIMES
    )
    key_hash: _Sha256 | None = SOMETIMES
    team_id: _Name | None = SOMETIMES
    user_id: _Name | None = SOMETIMES
    model: _Name
    model_group: _Name | None = SOMETIMES
    provider: _Name | None = SOMETIMES
    endpoint: _Name | None = SOMETIMES
    mcp_tool: _Name | None = SOMETIMES
    status: Literal["success", "failure"] = "success"
    cost: _Usd = 0
    prompt_tokens: _Tokens = 0
    completion_tokens: _Tokens = 0
    cache_read_tokens: _Tokens = 0
    cache_creation_tokens: _Tokens = 0
    tags: Annotated[list[_Name], Field(max_length=MOST_TAGS)] = Field(default_factory=list)
    reservation: Annotated[str, Field(json_schema_extra={"format": "uuid"})] | None = SOMETIMES


class UsageCorrection(Document):
    """The difference to a call that the same gateway reported: more, or with a minus less."""

    id: _Name
    corrects: _Name
    cost: _Usd = 0
    prompt_tokens: _Difference = 0
    completion_tokens: _Difference = 0
    cache_read_tokens: _Difference = 0
    cache_creation_tokens: _Difference = 0


class LoggedCall(Document):
    """A payload of LiteLLM's `generic_api` callback, told by the first three of these fields.

    `metadata` names key, user and team, and what our authenticator answered; all else is ignored.
    """

    model_config = ConfigDict(extra="allow")

    call_type: str
    startTime: float = Field(description="When the call began: seconds since 1970.")  # noqa: N815
    response_cost: float | None = Field(description="USD; null is 0.")
    id: str
    status: Literal["success", "failure"]
    model: str | None
    metadata: dict[str, Any] = SOMETIMES


class UsageEvent(Document):
    """A CloudEvent 1.0 whose data is one of our records."""

    model_config = ConfigDict(extra="allow")

    specversion: Literal["1.0"] = Field(description="The version of CloudEvents.")
    type: Literal["teamledger.usage.recorded.v1", "teamledger.usage.corrected.v1"]
    source: str = Field(description="The alias of the gateway's key; another one is refused.")
    id: str = Field(description="Stands for the id of the record, where its data has none.")
    time: Annotated[str, Field(description="Stands for the start, where its data has none.")] = (
        SOMETIMES
    )
    data: dict[str, Any] = Field(description="A UsageRecord, or a UsageCorrection.")


class UsageResult(Document):
    """What became of one item."""

    index: int
    id: str | None
    status: Literal["recorded", "duplicate", "quarantined", "refused"]
    reason: str = SOMETIMES
    altered: bool = SOMETIMES
    attributed: bool = SOMETIMES


class UsageReport(Document):
    """How many items became what, and each of them in the order sent."""

    accepted: int
    duplicates: int
    quarantined: int
    refused: int
    position: int = Field(description="The place in the ledger that holds all of them.")
    items: list[UsageResult]


class QuarantinedUsage(Document):
    """A call that waits; `usage` is as it was reported."""

    id: str
    source: str
    request_id: str
    reason: str
    received_at: Moment
    usage: dict[str, Any]


class QuarantinePage(Document):
    """Some of what waits."""

    quarantine: list[QuarantinedUsage]
    next: str | None


class SettledUsage(Document):
    """What was decided about a call that waited."""

    id: str
    source: str
    request_id: str
    status: Literal["booked", "discarded"]
    started_at: Moment | None


class UnattributedUsage(Document):
    """What one gateway reported for one key, claim and reason."""

    source: str
    key_hash: str | None
    team_id: str | None
    user_id: str | None
    reason: str
    cost: float
    prompt_tokens: int
    completion_tokens: int
    successful_requests: int
    failed_requests: int
    first_at: Moment | None
    last_at: Moment | None


class UnattributedPage(Document):
    """Some of what is nobody's."""

    unattributed: list[UnattributedUsage]
    next: str | None
