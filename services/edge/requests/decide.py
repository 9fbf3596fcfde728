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

    key: Secret | None = None
    key_hash: KeyHash | None = None
    model: Name
    provider: Name | None = None
    access_groups: Annotated[tuple[Name, ...], Field(max_length=MAX_LIST_ITEMS)] = ()
    route: Route = DEFAULT_ROUTE
    estimated_cost: Estimate | None = None
    reserve: bool = False
    reservation_seconds: HoldSeconds = DEFAULT_HOLD

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.key is None) == (self.key_hash is None):
            raise ValueError("give either key or key_hash")
        if self.reserve and self.estimated_cost is None:
            raise ValueError("reserve needs an estimated_cost")
        return self
