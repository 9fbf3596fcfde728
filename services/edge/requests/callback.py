"""Logging callbacks of a team: the body of `/team/{team_id}/callback` and `metadata.logging`.

One store holds both (register D23). Values of variables are texts; a number or a truth value is
taken as JSON writes it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from services.edge.requests.common import Items, JsonObject, RequestModel, Text

CallbackType = Literal["success", "failure", "success_and_failure"]
BOTH: CallbackType = "success_and_failure"

VARIABLES = (
    "langfuse_public_key",
    "langfuse_secret",
    "langfuse_secret_key",
    "langfuse_host",
    "langfuse_prompt_version",
    "gcs_bucket_name",
    "gcs_path_service_account",
    "langsmith_api_key",
    "langsmith_project",
    "langsmith_base_url",
    "langsmith_sampling_rate",
    "langsmith_tenant_id",
    "humanloop_api_key",
    "arize_api_key",
    "arize_space_key",
    "arize_space_id",
    "posthog_api_key",
    "posthog_host",
    "braintrust_api_key",
    "braintrust_project_id",
    "braintrust_host",
    "slack_webhook_url",
    "lunary_public_key",
    "turn_off_message_logging",
)
"""Names that a gateway knows; `/team/{team_id}/callback` takes no others."""

OPEN_VARIABLES = frozenset(
    {
        "langfuse_host",
        "langfuse_prompt_version",
        "gcs_bucket_name",
        "langsmith_project",
        "langsmith_base_url",
        "langsmith_sampling_rate",
        "langsmith_tenant_id",
        "arize_space_id",
        "posthog_host",
        "braintrust_project_id",
        "braintrust_host",
        "turn_off_message_logging",
    }
)
"""Those that are no secrets; every other one is kept under seal."""


def _as_text(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, bool | int | float) else value


Variable = Annotated[str, Field(max_length=16_384), BeforeValidator(_as_text)]


class LoggingCallback(RequestModel):
    """One entry of `metadata.logging`; `callback_type` absent or null is both."""

    callback_name: Text
    callback_type: CallbackType | None = BOTH
    callback_vars: dict[Text, Variable] = Field(default_factory=dict)


class AddCallback(LoggingCallback):
    """`/team/{team_id}/callback` (team-api.md 4): a variable nobody knows is 422."""

    callback_vars: dict[Text, Variable]

    @model_validator(mode="after")
    def _known_variables(self) -> Self:
        for name in self.callback_vars:
            if name not in VARIABLES:
                raise ValueError(
                    f"Invalid callback variable: {name}. Must be one of {list(VARIABLES)}"
                )
        return self


class _CallbackSettings(RequestModel):
    """The deprecated `metadata.callback_settings`."""

    success_callback: Items[Text] | None = None
    failure_callback: Items[Text] | None = None
    callback_vars: dict[Text, Variable] | None = None


_LOGGING: TypeAdapter[list[LoggingCallback]] = TypeAdapter(Items[LoggingCallback])
LOGGING, SETTINGS = "logging", "callback_settings"
"""Keys of a team's metadata that are read as callbacks; answers show the first alone."""


def sent_callbacks(metadata: Mapping[str, Any] | None) -> list[LoggingCallback] | None:
    """The callbacks that metadata brings along; None where it says nothing of them.

    Raises ValueError, naming the place, for entries that no gateway could use.
    """
    if metadata is None or not metadata.keys() & {LOGGING, SETTINGS}:
        return None
    try:
        settings = _CallbackSettings.model_validate(metadata.get(SETTINGS) or {})
        return [*_LOGGING.validate_python(metadata.get(LOGGING) or []), *_deprecated(settings)]
    except ValidationError as invalid:
        error = invalid.errors()[0]
        place = ".".join(str(step) for step in error["loc"])
        raise ValueError(f"logging callbacks, {place or 'as a whole'}: {error['msg']}") from None


def _check_callbacks(metadata: dict[str, Any]) -> dict[str, Any]:
    sent_callbacks(metadata)
    return metadata


TeamMetadata = Annotated[JsonObject, AfterValidator(_check_callbacks)]
"""A client's metadata; what it says of logging has to be callbacks."""


def _deprecated(settings: _CallbackSettings) -> list[LoggingCallback]:
    variables = settings.callback_vars or {}
    named: list[tuple[str, CallbackType]] = [
        *((name, "success") for name in settings.success_callback or []),
        *((name, "failure") for name in settings.failure_callback or []),
    ]
    return [
        LoggingCallback(callback_name=name, callback_type=kind, callback_vars=variables)
        for name, kind in named
    ]
