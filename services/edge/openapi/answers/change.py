"""Recorded facts as CloudEvents 1.0."""

from typing import Any

from services.edge.openapi.schema import Document, Moment


class Change(Document):
    """A fact and what stands around it; `data` is as its schema says, personal data sealed."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Moment
    datacontenttype: str
    dataschema: str
    position: int
    version: int
    incarnation: int
    command: str
    commandid: str
    commandindex: int
    commandcount: int
    actor: str | None = None
    actorrole: str | None = None
    onbehalfof: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    data: dict[str, Any]


class ChangesPage(Document):
    """Facts in order; `next` is what to ask for `after`, whether there is `more` now or not."""

    events: list[Change]
    next: int
    more: bool
