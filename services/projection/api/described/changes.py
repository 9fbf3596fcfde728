"""The change feed."""

from collections.abc import Mapping

from services.edge.openapi.answers.change import ChangesPage
from services.edge.openapi.callers import TEAM
from services.edge.openapi.operation import Operation
from services.projection.api.described.common import read
from services.projection.api.routes.changes import no_subject

_EVENT = "019cdd1f-7a63-7c5b-9c0f-2a61d5f0b7e4"
_NAME = "team.blocked.v1"

OPERATIONS: Mapping[str, Operation] = {
    "/v1/events": read(
        "/v1/events",
        "list_events",
        ChangesPage,
        query={"subject": f"team/{TEAM}", "types": "team.*", "after": 0, "limit": 100},
        example={
            "events": [
                {
                    "specversion": "1.0",
                    "id": _EVENT,
                    "source": "/teamledger/0b5e6f0a-3f3e-4f3c-8b0d-0d5c0f6f5f5e",
                    "type": f"teamledger.{_NAME}",
                    "subject": f"team/{TEAM}",
                    "time": "2026-03-11T13:27:45.491966Z",
                    "datacontenttype": "application/json",
                    "dataschema": f"urn:teamledger:event:{_NAME}",
                    "position": 7,
                    "version": 3,
                    "incarnation": 1,
                    "command": "BlockTeam",
                    "commandid": _EVENT,
                    "commandindex": 0,
                    "commandcount": 1,
                    "actor": "ann",
                    "data": {},
                }
            ],
            "next": 7,
            "more": False,
        },
        refusals={"no_subject": no_subject("core")},
    ),
}
