"""Reports on spend, and single calls."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.edge.openapi.answers.report import Metrics
from services.edge.openapi.schema import SOMETIMES, Document, Moment


class TeamTotal(Document):
    """What one team spent in all of the days."""

    team_id: Annotated[str, Field(description="What the team is called in this report.")]
    total_spend: float


class SpendOfTeams(Document):
    """The last 30 days by team."""

    daily_spend: list[dict[str, Any]]
    teams: Annotated[
        list[str], Field(description="What the teams are called, those that spent most first.")
    ]
    total_spend_per_team: list[TeamTotal]


class SpentOn(Document):
    """What one team spent on one day on one model by one key."""

    model: str
    api_key: str
    spend: Annotated[float, Field(description="USD.")]
    total_tokens: int


class TeamOfDay(Document):
    """What one team spent on one day."""

    team_name: str
    total_spend: float
    metadata: Annotated[list[SpentOn], Field(description="The same sum by model and key.")]


class ReportDay(Document):
    """One day of the report."""

    group_by_day: str
    teams: Annotated[list[TeamOfDay], Field(description="The teams that spent something.")]


class Call(Document):
    """One call of a model, or a correction of one."""

    request_id: str
    call_type: str
    api_key: str
    spend: Annotated[float, Field(description="USD.")]
    total_tokens: int
    prompt_tokens: int
    completion_tokens: int
    started: Annotated[Moment, Field(alias="startTime")]
    ended: Annotated[Moment, Field(alias="endTime")]
    request_duration_ms: int
    first_token: Annotated[None, Field(alias="completionStartTime")]
    model: str
    model_id: str
    model_group: str
    custom_llm_provider: str
    api_base: str
    user: Annotated[str, Field(description="The id of the user; empty for none.")]
    metadata: Annotated[
        dict[str, Any], Field(description="The names at that time; of a correction what it is of.")
    ]
    cache_hit: str
    cache_key: str
    request_tags: list[str]
    team_id: str | None
    organization_id: str | None
    end_user: None
    requester_ip_address: None
    messages: dict[str, Any]
    response: dict[str, Any]
    session_id: None
    status: Literal["success", "failure"] | None
    mcp_namespaced_tool_name: str | None
    agent_id: None
    proxy_server_request: dict[str, Any]


class CallPage(Document):
    """One page of single calls."""

    data: list[Call]
    total: int
    page: int
    page_size: int
    total_pages: int


class SpendGroup(Metrics):
    """One group: what it was divided by, where it was, and its sums."""

    organization_id: str | None = SOMETIMES
    organization_alias: str | None = SOMETIMES
    team_id: str | None = SOMETIMES
    team_alias: str | None = SOMETIMES
    user_id: str | None = SOMETIMES
    key: str | None = SOMETIMES
    key_alias: str | None = SOMETIMES
    model: str = SOMETIMES
    provider: str | None = SOMETIMES
    tag: str | None = SOMETIMES
    day: str = SOMETIMES
    hour: str = SOMETIMES


class Spend(Document):
    """What was spent, divided."""

    since: Annotated[str, Field(alias="from")]
    to: str
    timezone: str
    group_by: list[str]
    overlapping: bool
    total: Annotated[Metrics, Field(description="All of it.")]
    groups: list[SpendGroup]
