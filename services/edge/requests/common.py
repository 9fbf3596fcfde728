"""What the fields of request bodies are made of, and JSON that is safe to look at.

The types give LiteLLM's own 422 entries where it has any (team-api.md 1.3) and clear ones of ours
where it would accept what cannot be kept: register D17, D33, D34, D36, and text that PostgreSQL
cannot store.
"""

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from events.duration import BudgetDuration

MAX_LIST_ITEMS = 500
MAX_JSON_DEPTH = 32
DEEPEST_JSON = 200
"""What an installation may allow at most: how deep a body is was looked at before its fields."""

MAX_OBJECT_BYTES = 65_536
MAX_MONEY = Decimal(10) ** 12
MAX_DECIMALS = 18
INT64 = range(-(2**63), 2**63)
_JSON_INTEGERS = range(-(2**63), 2**64)
_LONGEST_INTEGER = 20
_LONG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}+(?![.eE])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f-\x9f]+@[^\s@\x00-\x1f\x7f-\x9f]+")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SQUARE = bytes.maketrans(b"{}", b"[]")

T = TypeVar("T")


class UnsafeJson(ValueError):
    """Well-formed JSON that cannot be stored or answered: NUL, a lone surrogate, NaN."""


class TooDeep(UnsafeJson):
    """Objects and lists inside one another, more levels than allowed."""


def parse_json(raw: bytes, max_depth: int) -> object:
    """The value of a JSON text; a body that is one object has depth 1.

    Raises TooDeep, or json.JSONDecodeError for malformed text, which includes NaN, Infinity, lone
    surrogates, numbers beyond a double and integers beyond 64 bits. Linear in the length.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if _open_at(error) > max_depth:
            raise _too_deep(max_depth) from None
        raise
    outside = _outside_strings(raw)
    if _deeper_than(max_depth, outside):
        raise _too_deep(max_depth)
    for literal in _LONG_INTEGER.findall(outside):
        if len(literal) > _LONGEST_INTEGER or int(literal) not in _JSON_INTEGERS:
            text = raw.decode()
            raise json.JSONDecodeError("integer beyond 64 bits", text, text.find(literal.decode()))
    return value


def _outside_strings(raw: bytes) -> bytes:
    return b"".join(raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])


def _brackets(outside: bytes) -> bytes:
    return outside.translate(_SQUARE, _NOT_BRACKETS)


def _open_at(error: json.JSONDecodeError) -> int:
    brackets = _brackets(_outside_strings(error.doc[: error.pos].encode()))
    return brackets.count(b"[") - brackets.count(b"]")


def _deeper_than(max_depth: int, outside: bytes) -> bool:
    brackets = _brackets(outside)
    for _ in range(max_depth):
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"")  # takes off the innermost level
    return bool(brackets)


def _too_deep(max_depth: int) -> TooDeep:
    return TooDeep(f"JSON is nested more than {max_depth} levels deep")


def check_json(body: object, max_depth: int) -> None:
    """Raise TooDeep or UnsafeJson unless every part of a parsed body can be stored."""
    pending: list[tuple[Iterable[object], int]] = [((body,), 0)]
    while pending:
        parts, depth = pending.pop()
        if depth > max_depth:
            raise _too_deep(max_depth)
        for part in parts:
            if isinstance(part, str):
                _check_text(part)
            elif isinstance(part, dict):
                pending += ((part.keys(), depth + 1), (part.values(), depth + 1))
            elif isinstance(part, list):
                pending.append((part, depth + 1))
            elif isinstance(part, float) and not isfinite(part):
                raise UnsafeJson("numbers must be finite")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise UnsafeJson("text must not contain the character NUL")
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnsafeJson("text must not contain half of a surrogate pair") from None


def _storable_text(text: str) -> str:
    try:
        _check_text(text)
    except UnsafeJson as error:
        raise PydanticCustomError("unsafe_text", "{reason}", {"reason": str(error)}) from None
    return text


def _without_control(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "Must not contain control characters")
    return _storable_text(text)


def _address(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise PydanticCustomError(
            "email", "Input should be an e-mail address: one @, no spaces or control characters"
        )
    return _storable_text(text)


def _duration(text: str) -> str:
    try:
        BudgetDuration.parse(text)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None
    return text


def _small_json(value: T) -> T:
    try:
        check_json(value, DEEPEST_JSON)
        size = len(orjson.dumps(value))
    except (UnsafeJson, orjson.JSONEncodeError) as error:
        raise PydanticCustomError("unsafe_json", "{reason}", {"reason": str(error)}) from None
    if size > MAX_OBJECT_BYTES:
        raise PydanticCustomError(
            "json_too_large",
            "Input should be at most {max_bytes} bytes as JSON, not {size}",
            {"max_bytes": MAX_OBJECT_BYTES, "size": size},
        )
    return value


def refuse_long_list(value: object) -> object:
    """A list as it is, or 422 `too_long` above 500 items: before its items are looked at."""
    if isinstance(value, list) and len(value) > MAX_LIST_ITEMS:
        context = {"field_type": "List", "max_length": MAX_LIST_ITEMS, "actual_length": len(value)}
        raise PydanticKnownError("too_long", context)
    return value


_NUMBER = TypeAdapter(Annotated[float, Field(allow_inf_nan=False)])


def _money(value: object) -> Decimal:
    number = _NUMBER.validate_python(value)
    try:
        amount = Decimal(value if isinstance(value, int | str) else repr(number))
    except InvalidOperation:
        raise _too_fine() from None
    if amount.is_zero():
        return Decimal(0)
    if amount.copy_abs() > MAX_MONEY:
        raise PydanticCustomError("money_range", "Input should be at most 1e12, of either sign")
    if -int(amount.as_tuple().exponent) > MAX_DECIMALS:
        raise _too_fine()
    return amount


def _too_fine() -> PydanticCustomError:
    return PydanticCustomError("money_decimals", "Input should have at most 18 decimals")


def _null_if_blank(value: object) -> object:
    return None if value == "" else value


Text = Annotated[str, Field(max_length=255), AfterValidator(_storable_text)]
"""An alias, a name, an id that we only look up: up to 255 characters, "" included."""

Identifier = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_without_control)]
"""A team id (D34): slashes, spaces and any script are fine, control characters are not."""

UserId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_storable_text)]

Email = Annotated[str, Field(max_length=320), AfterValidator(_address)]

Duration = Annotated[str, Field(max_length=32), AfterValidator(_duration)]
"""The text of a BudgetDuration (D36)."""

Money = Annotated[Decimal, BeforeValidator(_money)]
"""USD: finite, |x| <= 1e12, at most 18 decimals. Below zero is for the domain to refuse (D33)."""

Limit = Annotated[int, Field(ge=INT64.start, lt=INT64.stop)]
"""Tokens or requests per minute, a bigint. Below zero is for the domain to refuse (D33)."""

Count = Annotated[int, Field(ge=0, lt=INT64.stop)]
"""A limit that is kept as JSON, where no rule of the domain sees it (D33)."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_small_json)]
"""Any object of at most 64 KiB as JSON."""

_MOST_ITEMS = Field(json_schema_extra={"maxItems": MAX_LIST_ITEMS})
"""Told, not checked: no item is to be looked at before it is known how many there are."""

JsonList = Annotated[
    list[Any], BeforeValidator(refuse_long_list), AfterValidator(_small_json), _MOST_ITEMS
]

Items = Annotated[list[T], BeforeValidator(refuse_long_list), _MOST_ITEMS]
"""A list of at most 500."""

Texts = Items[Text]

ModelLimits = Annotated[dict[Text, Count], BeforeValidator(_small_json)]
"""Tokens or requests per minute by model name."""

ToolPermissions = Annotated[dict[Text, Texts], BeforeValidator(_small_json)]
"""Tools that may be called, by MCP server."""

Blankable = Annotated[T | None, BeforeValidator(_null_if_blank)]
"""A field where some clients write "" for nothing."""


class RequestModel(BaseModel):
    """A request body: unknown fields are ignored, and `model_fields_set` tells absent from null."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class ObjectPermissionRequest(RequestModel):
    """Which MCP servers, vector stores, agents and models may be used; absent is unchanged."""

    mcp_servers: Texts | None = None
    mcp_access_groups: Texts | None = None
    mcp_tool_permissions: ToolPermissions | None = None
    vector_stores: Texts | None = None
    agents: Texts | None = None
    agent_access_groups: Texts | None = None
    models: Texts | None = None


class VectorStoreIndex(RequestModel):
    """An index and what a team or key may do with it."""

    index_name: Text
    index_permissions: Items[Literal["read", "write"]]
