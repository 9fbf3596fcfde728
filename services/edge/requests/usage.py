"""Bodies of the routes on quarantined usage; what gateways report is read by `edge.usage`."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from services.edge.requests.common import RequestModel
from services.edge.usage.record import moment

Start = Annotated[
    datetime,
    BeforeValidator(moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]}),
]
"""A moment in RFC 3339, or in seconds since 1970."""


class BookUsage(RequestModel):
    """Without `started_at` a call is booked as it was reported."""

    started_at: Start | None = None
