"""US dollars in answers: a JSON number, whatever they are inside."""

from decimal import Decimal
from typing import Final, overload

NOTHING_SPENT: Final = Decimal(0)


@overload
def usd(amount: str | Decimal) -> float: ...


@overload
def usd(amount: str | Decimal | None) -> float | None: ...


def usd(amount: str | Decimal | None) -> float | None:
    """USD as the nearest float8 (team-api.md 1.10); None, for no limit, stays None."""
    return None if amount is None else float(amount)
