"""`litellm-changed-by`: on whose behalf a caller says he acts, a claim and no more (D46)."""

from starlette.requests import Request

from services.edge.errors import ShapeB

CLAIM_HEADER = "litellm-changed-by"
MAX_CLAIM = 255


def claimed(request: Request) -> str | None:
    """Whom the caller claims to act for; raises ShapeB for a claim that cannot be kept."""
    claim = request.headers.get(CLAIM_HEADER, "").strip()
    if len(claim) > MAX_CLAIM:
        raise claim_too_long()
    return claim or None


def claim_too_long() -> ShapeB:
    """The refusal of a claim that cannot be kept."""
    return ShapeB(400, f"{CLAIM_HEADER} is longer than {MAX_CLAIM} characters")
