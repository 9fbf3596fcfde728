"""Our own records: the fields of `UsageRecorded` and `UsageCorrected`, as clients write them.

They may name the key itself, which is hashed here and goes no further, and give moments in RFC 3339
or in seconds since 1970. null is the same as absent. What nobody knows is refused: a field with a
typing error would else be a cost that is never counted. Costs that come out of binary fractions
often have more than 18 decimals: they are rounded, half to even.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from uuid import UUID

from pydantic import ValidationError

from events.usage import MOST_DECIMALS, Usage, UsageCorrected, UsageRecorded
from services.access.credentials import hash_key
from services.edge.usage.exact import LONGEST_NUMBER

Fields = dict[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_MICROSECONDS = (_LAST - _EPOCH) // timedelta(microseconds=1)
_MOST_DIGITS = 11
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_FINEST = Decimal(1).scaleb(-MOST_DECIMALS)
_EXACT = Context(prec=2 * LONGEST_NUMBER, rounding=ROUND_HALF_EVEN)
_SHOWN_NAME, _SHOWN_ERRORS = 64, 3
_MOST_FIELDS = 64
_NO_MOMENT = "must be a moment: RFC 3339, or seconds since 1970"
_OUT_OF_RANGE = "must lie between 1970 and 9999"


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
    for name, convert in _READ.items():
        if name in fields:
            try:
                fields[name] = convert(fields[name])
            except (ValueError, OverflowError) as error:
                raise Unusable(f"{name}: {error}") from None
    return _checked(fields)


def _checked(fields: Fields) -> Usage:
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
    """What RFC 3339, or seconds since 1970, say, in UTC; raises ValueError."""
    match value:
        case str():
            return _written(value)
        case Decimal():
            return _since_1970(value)
        case int() if not isinstance(value, bool):
            return _since_1970(Decimal(value))
        case float():
            return _since_1970(Decimal(repr(value)))
    raise ValueError(_NO_MOMENT)


def _written(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_NO_MOMENT) from None
    if found.tzinfo is None:
        raise ValueError("must have a time zone, such as Z")
    if not _EPOCH <= found <= _LAST:
        raise ValueError(_OUT_OF_RANGE)
    return found.astimezone(UTC)


def _since_1970(seconds: Decimal) -> datetime:
    """To the microsecond, later digits left out."""
    if not seconds.is_finite():
        raise ValueError(_NO_MOMENT)
    if seconds.adjusted() > _MOST_DIGITS:
        raise ValueError(_OUT_OF_RANGE)
    microseconds = int(_EXACT.multiply(seconds, 1_000_000))
    if not 0 <= microseconds <= _MICROSECONDS:
        raise ValueError(_OUT_OF_RANGE)
    return _EPOCH + timedelta(0, 0, microseconds)


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
