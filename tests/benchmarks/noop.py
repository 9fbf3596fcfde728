"""The ceiling that results are compared with: FastAPI with pydantic in and out, and no work.

An ordinary application, not tuned; started as `uvicorn tests.benchmarks.noop:app`.
"""

from fastapi import FastAPI
from pydantic import BaseModel


class TeamBody(BaseModel):
    """The fields of the `/team/new` request that the benchmark sends."""

    team_alias: str | None = None
    models: list[str] = []
    max_budget: float | None = None
    budget_duration: str | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    blocked: bool = False
    metadata: dict[str, object] | None = None
    team_member_permissions: list[str] | None = None


app = FastAPI(openapi_url=None)


@app.post("/noop")
async def noop(body: TeamBody) -> TeamBody:
    """The body, parsed and serialised."""
    return body


@app.get("/health/readiness")
async def readiness() -> dict[str, str]:
    """Answers once the server is up, as the service's own route does."""
    return {"status": "ready"}
