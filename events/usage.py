"""What a gateway reports: calls and corrections. They stand in the ledger, not in the event store.

Costs are USD, at most 18 decimals, at most 1e12 either way; tokens are counts. The most that one
record may hold is little enough for sums of all that could ever be reported to fit into 64 bits.
"""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from events.values import Money, Value

MOST_USD = Decimal(10) ** 12
MOST_DECIMALS = 18
MOST_TOKENS = 10**9
MOST_TAGS = 32
LONGEST_NAME = 255

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00]+$")]
RequestId = Name
Tag = Name
Tokens = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
TokenDifference = Annotated[int, Field(ge=-MOST_TOKENS, le=MOST_TOKENS)]
Cost = Annotated[Money, Field(ge=0, le=MOST_USD, decimal_places=MOST_DECIMALS)]
CostDifference = Annotated[Money, Field(ge=-MOST_USD, le=MOST_USD, decimal_places=MOST_DECIMALS)]
KeyHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class UsageRecorded(Value):
    """One call of a model. `id` is the gateway's, the same for every attempt to report it.

    `team_id` and `user_id` are claims: they count only where no key is known.
    """

    id: RequestId
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    key_hash: KeyHash | None = None
    team_id: Name | None = None
    user_id: Name | None = None
    model: Name
    model_group: Name | None = None
    provider: Name | None = None
    endpoint: Name | None = None
    mcp_tool: Name | None = None
    status: Literal["success", "failure"] = "success"
    cost: Cost = Decimal(0)
    prompt_tokens: Tokens = 0
    completion_tokens: Tokens = 0
    cache_read_tokens: Tokens = 0
    cache_creation_tokens: Tokens = 0
    tags: Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS)] = ()
    reservation: UUID | None = None


class UsageCorrected(Value):
    """The difference to what the same source reported under the id `corrects`."""

    id: RequestId
    corrects: RequestId
    cost: CostDifference = Decimal(0)
    prompt_tokens: TokenDifference = 0
    completion_tokens: TokenDifference = 0
    cache_read_tokens: TokenDifference = 0
    cache_creation_tokens: TokenDifference = 0


Usage = UsageRecorded | UsageCorrected
