"""The audit log, what was spent by day, rehearsals, and health."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.edge.openapi.schema import SOMETIMES, Document, Moment

_SPENT = "USD."


class AuditEntry(Document):
    """One changed thing: what of it changed, who did it, and by which command."""

    id: str
    updated_at: Moment
    changed_by: str
    changed_by_api_key: str
    action: Literal["created", "updated", "deleted", "blocked", "rotated"]
    table_name: str
    object_id: str
    before_value: dict[str, Any] | None
    updated_values: dict[str, Any] | None
    actor: str | None
    on_behalf_of: str | None
    command: str
    position: int


class AuditPage(Document):
    """One page of the audit log."""

    audit_logs: list[AuditEntry]
    total: int
    page: int
    page_size: int
    total_pages: int


class Metrics(Document):
    """What was spent and used."""

    spend: Annotated[float, Field(description=_SPENT)]
    prompt_tokens: int
    completion_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    total_tokens: int
    successful_requests: int
    failed_requests: int
    api_requests: int


class KeyMetadata(Document):
    """Which key it was."""

    key_alias: str | None
    team_id: str | None


class KeyMetrics(Document):
    """What one key spent."""

    metrics: Metrics
    metadata: KeyMetadata


class NamedMetrics(Document):
    """What was spent on one model, provider or team, and by which keys, by their hash."""

    metrics: Metrics
    metadata: dict[str, Any]
    api_key_breakdown: dict[str, KeyMetrics]
    api_keys_total: int = SOMETIMES


class Breakdown(Document):
    """The same sum, divided in several ways."""

    models: dict[str, NamedMetrics]
    model_groups: dict[str, NamedMetrics]
    mcp_servers: dict[str, NamedMetrics]
    providers: dict[str, NamedMetrics]
    endpoints: dict[str, NamedMetrics]
    api_keys: dict[str, KeyMetrics]
    api_keys_total: int = SOMETIMES
    entities: dict[str, NamedMetrics]


class ActivityDay(Document):
    """One day."""

    date: str
    metrics: Metrics
    breakdown: Breakdown


class ActivityTotals(Document):
    """Sums over the whole range, and which page this is."""

    total_spend: float
    total_prompt_tokens: int
    total_completion_tokens: int
    total_tokens: int
    total_api_requests: int
    total_successful_requests: int
    total_failed_requests: int
    total_cache_read_input_tokens: int
    total_cache_creation_input_tokens: int
    page: int
    total_pages: int
    has_more: bool


class Activity(Document):
    """One page of days, the newest first."""

    results: list[ActivityDay]
    metadata: ActivityTotals


class RehearsedEvent(Document):
    """An event that would be recorded; personal data in it is shown as "(sealed)"."""

    stream: str
    version: int
    type: str
    schema_version: int
    data: dict[str, Any]


class RehearsedChange(Document):
    """What would differ afterwards in one thing."""

    stream: str
    before: dict[str, Any]
    after: dict[str, Any]


class Healthy(Document):
    """All that is committed can be read, and commands are taken."""

    status: Literal["healthy"]
    position: int
    litellm_version: str


class Unhealthy(Document):
    """Not to be sent requests now."""

    status: Literal["unhealthy"]
    check: Annotated[
        Literal[
            "commands",
            "event_database",
            "read_database",
            "projections",
            "projection_lag",
            "sealer",
            "relay",
            "relay_lag",
            "usage_consumer",
        ],
        Field(description="What failed."),
    ]
    reason: str
