"""What is to be filled from where: everything that a process needs to know to take part."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from psycopg.sql import Identifier

from services.projection.statements import SCHEMA

SPANS = "spans#rebuild"


@dataclass(frozen=True, slots=True)
class Log:
    """Where events are read: a database, and a table of the shape of `events.stored_events`."""

    conninfo: str
    schema: str = "events"
    table: str = "stored_events"

    @property
    def name(self) -> Identifier:
        return Identifier(self.schema, self.table)


@dataclass(frozen=True, slots=True)
class Place:
    """Where tables of the shape of the live ones stand: in a schema, under their names + suffix."""

    schema: str = SCHEMA
    suffix: str = "#rebuild"

    def named(self, table: str) -> tuple[str, str]:
        """Schema and name of a table here."""
        return self.schema, table + self.suffix

    @property
    def spans(self) -> Identifier:
        """The table that keeps how far the filling is, beside what is filled."""
        return Identifier(self.schema, SPANS)


@dataclass(frozen=True, slots=True)
class Job:
    """One filling: the log up to a position into tables at a place of a database.

    `target` is the address of that database as its owner. A `run` is one beginning from nothing:
    what a process of an earlier run still does, counts for nothing.
    """

    log: Log
    target: str
    place: Place
    upto: int
    run: UUID
    page: int = 5_000


@dataclass(frozen=True, slots=True)
class Order:
    """What another process is told: the job, the root key if it may open, and for which tables."""

    job: Job
    root_key: bytes | None
    tables: Sequence[str] | None

    def line(self) -> bytes:
        """The order in one line."""
        key = None if self.root_key is None else base64.b64encode(self.root_key).decode()
        return orjson.dumps({"job": self.job, "key": key, "tables": self.tables}) + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "Order":
        """The inverse of `line`."""
        told = orjson.loads(line)
        given = told["job"]
        job = Job(
            Log(**given.pop("log")),
            place=Place(**given.pop("place")),
            run=UUID(given.pop("run")),
            **given,
        )
        key = None if told["key"] is None else base64.b64decode(told["key"])
        return cls(job, key, told["tables"])
