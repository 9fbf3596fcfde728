"""Our own records: the fields of `UsageRecorded` and `UsageCorrected`, as clients write them.

They may name the key itself, which is hashed here and goes no further, and give moments in RFC 3339
or in seconds since 1970. null is the same as absent. What nobody knows is refused: a field with a
typing error would else be a cost that is never counted. Costs that come out of binary fractions
have more than 18 decimals as often as not: they are rounded, half to even.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import isfinite
from uuid import UUID

from pydantic import ValidationError

from events.usage import MOST_DECIMALS, Usage, UsageCorrected, UsageRecorded
from services.access.credentials import hash_key
from services.edge.usage.exact import LONGEST_NUMBER

Fields = dict[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_SECONDS = int((_LAST - _EPOCH).total_seconds())
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_FINEST = Decimal(1).scaleb(-MOST_DECIMALS)
_EXACT = Context(prec=2 * LONGEST_NUMBER, rounding=ROUND_HALF_EVEN)
_SHOWN_NAME, _SHOWN_ERRORS = 64, 3
_MOST_FIELDS = 64
_NO_MOMENT = "must be a moment: RFC 3339, or seconds since 1970"


class Unusable(ValueError):
    """An item that cannot be booked: which field, and what is wrong with it."""


def usage(item: object) -> Usage:
    """The call, or with `corrects` the correction, that an object describes; raises Unusable."""
    if not isinstance(item, dict):
        raise Unusable("an item must be an object")
    if len(item) > _MOST_FIELDS:
        raise Unusable(f"an item has at most {_MOST_FIELDS} fields")
    fields: Fields = {name: value for name, value in item.items() if value is not None}
    if "key" in fields:
        fields["key_hash"] = _hashed(fields)
    for name in _READ.keys() & fields.keys():
        try:
            fields[name] = _READ[name](fields[name])
        except (ValueError, OverflowError) as error:
            raise Unusable(f"{name}: {error}") from None
    return checked(fields)


def checked(fields: Fields) -> Usage:
    """The usage that these fields are, each of its own type already; raises Unusable."""
    model = UsageCorrected if "corrects" in fields else UsageRecorded
    try:
        return model.model_validate(fields, strict=True)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_context=False, include_input=False)
        raise Unusable("; ".join(map(_told, errors[:_SHOWN_ERRORS]))) from None


def _told(error: Mapping[str, object]) -> str:
    place = error["loc"]
    steps = place if isinstance(place, tuple) else ()
    name = ".".join(str(step)[:_SHOWN_NAME] for step in steps)
    what = "is not known here" if error["type"] == "extra_forbidden" else error["msg"]
    return f"{name or 'a name'}: {what}"


def _hashed(fields: Fields) -> str:
    key = fields.pop("key")
    if "key_hash" in fields:
        raise Unusable("key: there is a key_hash as well")
    if not isinstance(key, str) or not key.startswith("sk-"):
        raise Unusable("key: must begin with sk-; the hash of a key is its key_hash")
    return hash_key(key)


def moment(value: object) -> datetime:
    """What RFC 3339, or seconds since 1970, say; raises ValueError."""
    match value:
        case str():
            found = _written(value)
        case Decimal() | int() if not isinstance(value, bool):
            found = _since_1970(value)
        case float() if isfinite(value):
            found = _since_1970(Decimal(repr(value)))
        case _:
            raise ValueError(_NO_MOMENT)
    if found.tzinfo is None:
        raise ValueError("must have a time zone, such as Z")
    if not _EPOCH <= found <= _LAST:
        raise ValueError("must lie between 1970 and 9999")
    return found.astimezone(UTC)


def _written(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_NO_MOMENT) from None


def _since_1970(seconds: Decimal | int) -> datetime:
    """To the microsecond, later digits left out."""
    if isinstance(seconds, Decimal) and not seconds.is_finite():
        raise ValueError(_NO_MOMENT)
    if not 0 <= seconds <= _SECONDS:
        raise ValueError("must be seconds since 1970, and lie before 10000")
    return _EPOCH + timedelta(microseconds=int(Decimal(seconds).scaleb(6)))


def _money(value: object) -> Decimal:
    """The number as it was written, but for what is finer than 18 decimals; zero is plain zero."""
    match value:
        case str() if len(value) <= LONGEST_NUMBER and _PLAIN.fullmatch(value):
            amount = Decimal(value)
        case Decimal():
            amount = value
        case int() if not isinstance(value, bool):
            amount = Decimal(value)
        case _:
            raise ValueError("must be a number")
    if not amount.is_finite():
        raise ValueError(f"must be a finite number of at most {LONGEST_NUMBER} characters")
    decimals = -int(amount.as_tuple().exponent)
    if not amount or decimals <= MOST_DECIMALS:
        return amount or Decimal(0)
    if decimals > LONGEST_NUMBER:
        raise ValueError(f"must have at most {LONGEST_NUMBER} decimals")
    return amount.quantize(_FINEST, context=_EXACT)


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _uuid(value: object) -> UUID:
    if not isinstance(value, str):
        raise ValueError("must be a UUID")  # noqa: TRY004 - every fault of an item is told alike
    return UUID(value)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_READ: Mapping[str, Callable[[object], object]] = {
    "started_at": moment,
    "ended_at": moment,
    "cost": _money,
    "tags": _tuple,
    "key_hash": _lower,
    "reservation": _uuid,
}
