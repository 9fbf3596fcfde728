"""Bodies of the routes about webhooks."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.edge.requests.common import Identifier, Items, RequestModel, Text

_VISIBLE = re.compile(r"[!-~]+")

EventType = Literal["budget.threshold_crossed"]
EVENT_TYPES: list[EventType] = ["budget.threshold_crossed"]


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise _no_address() from None
    if not _VISIBLE.fullmatch(text) or parts.scheme not in {"https", "http"} or not parts.hostname:
        raise _no_address()
    if parts.username is not None or parts.password is not None or "#" in text:
        raise _no_address()
    return text


def _no_address() -> PydanticCustomError:
    return PydanticCustomError(
        "webhook_url",
        "Input should be an address such as https://host/path in visible ASCII characters, "
        "without user, password and fragment",
    )


Url = Annotated[str, Field(max_length=2_048), AfterValidator(_address)]
"""Where messages are posted to. An address is no secret: answers and history show it."""


class WebhookFields(RequestModel):
    """What can be set of a webhook: events of these types, of all teams or only of some."""

    description: Annotated[Text | None, Field(description="What it is for.")] = None
    event_types: Annotated[Items[EventType], Field(min_length=1)] = Field(
        default_factory=EVENT_TYPES.copy
    )
    team_ids: Items[Identifier] = Field(
        default_factory=list, description="Only what concerns these teams; none of them is all."
    )
    enabled: bool = True

    def fields(self) -> dict[str, Any]:
        """What was sent, lists without repetitions."""
        return {
            name: list(dict.fromkeys(value)) if isinstance(value, list) else value
            for name in self.model_fields_set
            for value in (getattr(self, name),)
        }


class NewWebhook(WebhookFields):
    """`POST /v1/webhooks`."""

    url: Url


class ChangeWebhook(WebhookFields):
    """`PATCH /v1/webhooks/{webhook_id}`: absent stays as it is."""

    url: Annotated[Url, Field(default_factory=str)]


class RotateSecret(RequestModel):
    """`POST /v1/webhooks/{webhook_id}/rotate`: how long the secret of before signs as well."""

    keep_previous_hours: Annotated[float, Field(ge=0, le=720, allow_inf_nan=False)] = 24
