"""The security log."""

from collections.abc import Mapping
from datetime import timedelta

from services.database.security_log import Refused
from services.edge.openapi.answers.past import SecurityPage
from services.edge.openapi.examples import KEY_VIEW, NOW, USER
from services.edge.openapi.operation import CORRELATION_ID, Operation
from services.edge.shapes.refused import RefusedView, security_log
from services.projection.api.described.common import read

_HOW = Refused("POST", "/team/delete", 401, "auth_error", KEY_VIEW.token[:16])
_ROW = RefusedView(
    "019cdd1f-7a63-7c5b-9c0f-2a61d5f0b7e4",
    NOW - timedelta(seconds=20),
    NOW,
    _HOW,
    USER,
    CORRELATION_ID,
    3,
)

OPERATIONS: Mapping[str, Operation] = {
    "/v1/security-log": read(
        "/v1/security-log",
        "list_refused_calls",
        SecurityPage,
        query={"limit": 100},
        example=security_log([_ROW], None),
    ),
}
