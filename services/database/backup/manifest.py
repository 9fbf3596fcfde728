"""What an archive says about itself: the member `manifest.json`."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from services.database.backup import ArchiveError

FORMAT = 1
LOG = "events.stored_events"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AppliedMigration(_Part):
    """A migration of the event database, as recorded in `ops.migrations`."""

    number: int
    name: str
    sha256: str


class Member(_Part):
    """A table: rows as COPY's text, with these columns; size and checksum are of that text."""

    table: str
    columns: list[str]
    rows: int
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of the member in the archive."""
        return f"{self.table}.copy"


class Counter(_Part):
    """A sequence: the next number is behind `last` if `called`, else `last` itself."""

    sequence: str
    last: int
    called: bool


class Manifest(_Part):
    """Of one snapshot of the event database.

    `position` is that of the last event and `event_id` its id; an empty log has neither.
    `root_key` is the fingerprint, in hex, of the key that wraps the keys of persons.
    """

    format: int
    teamledger: str
    postgres: str
    created_at: datetime
    epoch: UUID
    position: int
    event_id: str | None
    root_key: str
    migrations: list[AppliedMigration]
    counters: list[Counter]
    members: list[Member]

    @property
    def size(self) -> int:
        """Bytes of all members, uncompressed."""
        return sum(member.size for member in self.members)

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Raises ArchiveError for another format than ours, and for what is no manifest."""
        try:
            found = _Format.model_validate_json(text).format
            if found > FORMAT:
                raise ArchiveError(
                    f"it has format {found} and this program knows formats up to {FORMAT}; "
                    "install a newer teamledger"
                )
            return cls.model_validate_json(text)
        except ValidationError:
            raise ArchiveError("its manifest is damaged or none of ours") from None


class _Format(BaseModel):
    format: int
