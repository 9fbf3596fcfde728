"""Bodies of the routes that bring back what was: `/v1/teams/{id}/restore` and `/revert`."""

import re
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from services.edge.requests.common import INT64, RequestModel

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


_POSITION = re.compile(r"\d{1,19}", re.ASCII)
_VERSION_TEXT = re.compile(r"v\d{1,19}", re.ASCII)


class Moment(NamedTuple):
    """One of three: after a version of the thing, at a position of the log, or at a time."""

    version: int | None = None
    position: int | None = None
    time: datetime | None = None


def _moment(sent: object) -> Moment:
    match sent:
        case bool():
            raise _no_moment()
        case int() if sent in INT64 and sent >= 0:
            return Moment(position=sent)
        case {"version": int() as version, **rest} if not rest and not isinstance(version, bool):
            if version in INT64 and version > 0:
                return Moment(version=version)
        case str() if _TIME.fullmatch(sent):
            return Moment(time=_time(sent))
    raise _no_moment()


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:  # a day that no month has, an offset beyond 24 hours
        raise _no_moment() from None


def moment_in_query(text: str) -> Moment:
    """A moment as a query has it: `120` is a position, `v3` a version, anything else a time.

    Raises PydanticCustomError.
    """
    if _POSITION.fullmatch(text):
        return _moment(int(text))
    if _VERSION_TEXT.fullmatch(text):
        return _moment({"version": int(text[1:])})
    return _moment(text)


def _no_moment() -> PydanticCustomError:
    return PydanticCustomError(
        "moment",
        "Input should be a position of the log (a whole number from 0), a time as in RFC 3339, or "
        '{"version": n} with a version from 1',
    )


_VERSION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "version": {"type": "integer", "minimum": 1, "description": "As an `ETag` has it."}
    },
    "required": ["version"],
    "additionalProperties": False,
}
AnyMoment = Annotated[
    Moment,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "description": "A position of the log."},
                {"type": "string", "format": "date-time", "description": "RFC 3339."},
                _VERSION,
            ]
        }
    ),
]


class RestoreTeam(RequestModel):
    """`/v1/teams/{team_id}/restore`; `keys` has those that went with the team work again."""

    keys: bool = False


class RevertTeam(RequestModel):
    """`/v1/teams/{team_id}/revert`: what the team was at that moment, it becomes again."""

    to: AnyMoment = Field(description="The moment: what was recorded at it has happened.")
