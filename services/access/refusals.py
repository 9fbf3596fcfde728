"""What the holder of a key is told that is not accepted: texts, types and statuses of auth.md 2."""

from collections.abc import Sequence
from datetime import datetime

from services.access.principal import AccessRefused

_SHORT = 8


def malformed_key(secret: str) -> AccessRefused:
    """Row 8, for what is no virtual key."""
    masked = f"{secret[:4]}****{secret[-4:]}" if len(secret) > _SHORT else "****"
    text = (
        "Authentication Error, LiteLLM Virtual Key expected. "
        f"Received={masked}, expected to start with 'sk-'."
    )
    return AccessRefused(401, text)


def unknown_key(token: str, tail: str) -> AccessRefused:
    """Row 9; `tail` are the last characters of the secret, as far as it is known."""
    text = (
        "Authentication Error, Invalid proxy server token passed. Received API Key = "
        f"sk-...{tail}, Key Hash (Token) ={token}. "
        "Unable to find token in cache or `LiteLLM_VerificationTokenTable`"
    )
    return AccessRefused(401, text, "token_not_found_in_db", "key")


def blocked_key() -> AccessRefused:
    """Row 10."""
    text = "Authentication Error, Key is blocked. Update via `/key/unblock` if you're admin."
    return AccessRefused(401, text)


def expired_key(expires: datetime, now: datetime, shown: str) -> AccessRefused:
    """Row 13; `shown` is how the key is shown to users: `sk-...` and four characters."""
    text = f"Authentication Error - Expired Key. Key Expiry time {expires} and current time {now}"
    return AccessRefused(400, text, "expired_key", shown)


def blocked_team(team_id: str | None) -> AccessRefused:
    """Row 16."""
    text = (
        f"Authentication Error, Team={team_id} is blocked. "
        "Update via `/team/unblock` if your admin."
    )
    return AccessRefused(401, text)


def model_not_allowed(whose: str, models: Sequence[str], model: str) -> AccessRefused:
    """Rows 11, 17 and 18; `whose` list it is: that of a key, a team or a user."""
    text = (
        f"{whose} not allowed to access model. This {whose} can only access "
        f"models={list(models)}. Tried to access {model}"
    )
    return AccessRefused(401, text, f"{whose}_model_access_denied", "model")


def no_default_models(model: str) -> AccessRefused:
    """Row 18 for a user who has no models but those of his teams."""
    text = (
        "User not allowed to access model. No default model access, only team models allowed. "
        f"Tried to access {model}"
    )
    return AccessRefused(401, text, "key_model_access_denied", "model")


def other_routes(route: str, allowed: Sequence[str]) -> AccessRefused:
    """Row 31, the only one that is not in shape B."""
    text = (
        "Virtual key is not allowed to call this route. Only allowed to call routes: "
        f"{list(allowed)}. Tried to call route: {route}"
    )
    return AccessRefused(403, text, body="detail")
