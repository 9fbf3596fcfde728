"""What readiness answers, in whichever process: whether it is to be sent requests."""

from starlette.responses import Response

from services.edge.body import answer

COMPATIBLE_WITH = "1.82.2"
"""The release of LiteLLM whose API is answered; its own clients ask for it."""


def healthy(position: int) -> Response:
    """The answer of a process that is to be sent requests; it has come to that position."""
    return answer({"status": "healthy", "position": position, "litellm_version": COMPATIBLE_WITH})


def unhealthy(check: str, reason: str) -> Response:
    """The answer of a process that is not to be sent requests: which check failed, and why."""
    told = {"status": "unhealthy", "check": check, "reason": reason}
    return answer(told, 503, {"retry-after": "1"})
