"""What happened to a thing, what changed between two moments, and who set what."""

from typing import Annotated, Any

from pydantic import Field

from services.edge.openapi.schema import Document, Moment


class RecordedBy(Document):
    """A fact: where it stands, and who had it recorded by which command."""

    position: Annotated[int, Field(description="Its place in the log.")]
    version: int
    event_id: str
    type: Annotated[str, Field(description="The name of the fact.")]
    time: Moment
    incarnation: int
    actor: str | None
    actor_email: str | None
    actor_role: str | None
    actor_key: str | None
    on_behalf_of: Annotated[
        str | None,
        Field(description="For whom the caller said he acted: his claim, checked by nobody."),
    ]
    command: Annotated[str, Field(description="The command that recorded it.")]
    command_id: str
    correlation_id: str | None


class FieldChange(Document):
    """A field on both sides; null where it was not there or empty."""

    field: str
    before: Annotated[Any, Field(alias="from", description="What it was.")]
    after: Annotated[Any, Field(alias="to", description="What it became.")]


class HistoryEntry(RecordedBy):
    """A fact in plain words and field by field."""

    sentence: str
    changes: list[FieldChange]


class HistoryPage(Document):
    """Facts about one thing."""

    entries: list[HistoryEntry]
    next: Annotated[
        int | None,
        Field(description="What to send as `after` for the next page; null where there is none."),
    ]


class PastState(Document):
    """A moment: the last fact that had happened by then."""

    position: Annotated[int, Field(description="Its place in the log.")]
    version: int
    incarnation: int
    time: Moment
    live: bool


class StateDiff(Document):
    """What leads from one moment to another; a moment is null before the first fact."""

    before: Annotated[PastState | None, Field(alias="from", description="The earlier moment.")]
    after: Annotated[PastState | None, Field(alias="to", description="The later moment.")]
    changes: list[FieldChange]


class FieldOrigin(Document):
    """A field, and the fact that set it last."""

    field: str
    value: Annotated[Any, Field(description="What it is.")]
    set_by: RecordedBy


class MemberOrigin(Document):
    """A member, and the facts that added him and set what he has."""

    user_id: str
    user_email: str | None
    added_by: RecordedBy
    fields: list[FieldOrigin]


class Blame(Document):
    """Who set each field of a thing last; of one that is gone, as it was at its end."""

    subject: str
    live: Annotated[bool, Field(description="Whether it is there now.")]
    incarnation: int | None
    version: int | None
    fields: list[FieldOrigin]
    members: Annotated[list[MemberOrigin], Field(description="In the order in which they joined.")]


class RefusedCall(Document):
    """Calls of one minute that were refused alike."""

    id: Annotated[str, Field(description="Names the row; ids are in the order of time.")]
    first_at: Moment
    last_at: Moment
    method: Annotated[str, Field(description="GET, POST, PATCH or DELETE.")]
    route: str
    status: Annotated[int, Field(description="401 or 403.")]
    reason: Annotated[str | None, Field(description="The type of the error.")]
    key_hash_prefix: str | None
    user_id: Annotated[str | None, Field(description="Who has the key now.")]
    correlation_id: str
    times: int


class SecurityPage(Document):
    """Refused calls, the newest first."""

    entries: Annotated[list[RefusedCall], Field(description="The newest first.")]
    next: Annotated[
        str | None,
        Field(description="What to send as `after` for the next page; null where there is none."),
    ]
