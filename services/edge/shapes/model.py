"""The list of models in OpenAI's shape, as LiteLLM fills it."""

from collections.abc import Sequence

from events.values import JsonObject

_CREATED, _OWNER = 1677610602, "openai"
"""What LiteLLM says of every model."""


def model_list(models: Sequence[str]) -> JsonObject:
    """The answer of GET /v1/models."""
    shown = [
        {"id": model, "object": "model", "created": _CREATED, "owned_by": _OWNER}
        for model in models
    ]
    return {"data": shown, "object": "list"}
