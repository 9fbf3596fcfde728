"""US dollars in answers: a JSON number, whatever they are inside."""

from decimal import Decimal
from typing import Any, Final, TypeAlias, overload

NOTHING_SPENT: Final = Decimal(0)

Spent: TypeAlias = Decimal | tuple[Any, ...]
"""USD, or whose: then whoever writes the answer looks up how much it is."""


@overload
def usd(amount: str | Spent) -> float: ...


@overload
def usd(amount: str | Decimal | None) -> float | None: ...


def usd(amount: str | Spent | None) -> Any:
    """USD as the nearest float8 (team-api.md 1.10); None, for no limit, stays None."""
    if amount is None or isinstance(amount, tuple):
        return amount
    return float(amount)
