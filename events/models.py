"""Which models a list allows (auth.md 5.1), the same for teams, keys, users and organizations."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

ALL_MODELS = frozenset({"*", "all-proxy-models"})
INHERITED = frozenset({"all-team-models", "no-default-models"})
"""Names in a list that stand for no model of their own."""


def allows(allowed: Sequence[str], model: str, aliases: Mapping[str, Any] | None = None) -> bool:
    """Whether a list of models allows one; an empty list allows all.

    An alias of the team is allowed by itself and stands for its target. `openai/*` allows every
    model that begins like it.
    """
    if not allowed or not ALL_MODELS.isdisjoint(allowed):
        return True
    if aliases is not None and model in aliases:
        return True
    return any(model == entry or _matches(entry, model) for entry in allowed)


def _matches(entry: str, model: str) -> bool:
    return "*" in entry and fnmatchcase(model, entry.replace("[", "[[]").replace("?", "[?]"))
