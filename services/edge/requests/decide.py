"""The body of /v1/decide: a call that a gateway asks about.

It is read in one pass by pydantic's own parser, which knows no text that cannot be stored.
"""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.edge.requests.common import MAX_DECIMALS, MAX_LIST_ITEMS, MAX_MONEY, RequestModel

LONGEST_HOLD = 3_600
DEFAULT_HOLD = 300
DEFAULT_ROUTE = "/chat/completions"

Line = r"^[^\x00-\x1f\x7f-\x9f]*$"
KeyHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Secret = Annotated[str, Field(min_length=1, max_length=512)]
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=Line)]
Route = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^/")]
Estimate = Annotated[
    Decimal, Field(ge=0, le=MAX_MONEY, decimal_places=MAX_DECIMALS, allow_inf_nan=False)
]
HoldSeconds = Annotated[int, Field(ge=1, le=LONGEST_HOLD)]


class Decide(RequestModel):
    """A key, plain or by its sha256, and the model that it is to call.

    `provider` and `access_groups` are what the gateway knows of the model by its own configuration,
    `route` is how it was called. `estimated_cost` is in USD; 0 says that the call is free. With
    `reserve` it is held under all budgets for `reservation_seconds`.
    """

    key: Annotated[Secret | None, Field(description="The key; or `key_hash`.")] = None
    key_hash: Annotated[KeyHash | None, Field(description="Its sha256, in hex.")] = None
    model: Annotated[Name, Field(description="The model as it is called.")]
    provider: Annotated[Name | None, Field(description="Who would run it.")] = None
    access_groups: Annotated[
        tuple[Name, ...],
        Field(max_length=MAX_LIST_ITEMS, description="Access groups that hold the model."),
    ] = ()
    route: Annotated[Route, Field(description="The path that was called.")] = DEFAULT_ROUTE
    estimated_cost: Annotated[
        Estimate | None, Field(description="USD; 0 for what is free, and under no budget.")
    ] = None
    reserve: Annotated[bool, Field(description="Whether the estimate is to be held.")] = False
    reservation_seconds: Annotated[
        HoldSeconds, Field(description="How long, unless usage names the reservation before.")
    ] = DEFAULT_HOLD

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.key is None) == (self.key_hash is None):
            raise ValueError("give either key or key_hash")
        if self.reserve and self.estimated_cost is None:
            raise ValueError("reserve needs an estimated_cost")
        return self
