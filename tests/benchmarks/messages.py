"""What the benchmark and its load generator, another process, tell each other: JSON lines."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

HOST = "127.0.0.1"
MAX_REQUESTS = 10_000_000
"""The most requests one job may send; numbers of consecutive jobs lie this far apart."""


class Kind(StrEnum):
    """What a job sends; each is a class in `workloads`."""

    NOOP = "FastAPI no-op"
    SEED = "seed"
    TEAM_NEW = "/team/new"
    MEMBER_ADD = "/team/member_add"
    TEAM_UPDATE = "/team/update"
    TEAM_INFO = "/team/info"
    TEAM_LIST = "/v2/team/list"
    MIXED = "mixed"
    DECIDE = "/v1/decide"
    DECIDE_CALMLY = "/v1/decide, few connections"
    RESERVE = "/v1/decide, reserving"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Message):
    """Where to send to, with which key, and which teams are there.

    `pool`: teams `bench-0` to `bench-{pool - 1}` exist. `roster_team`: the team that
    `/team/member_add` fills.
    """

    port: int = Field(ge=1, le=65535)
    key: str
    pool: int = Field(ge=1, le=5_000_000)
    roster_team: str


class Job(_Message):
    """One measurement: `warmup` seconds not counted, then `seconds` counted.

    `first` is the number of the first request, `limit` ends the job early after that many,
    `grace` is how long requests under way at the end are waited for, in seconds.
    """

    kind: Kind
    target: Target
    connections: int = Field(ge=1, le=256)
    warmup: float = Field(ge=0, le=60)
    seconds: float = Field(gt=0, le=100_000)
    first: int = Field(default=0, ge=0)
    limit: int = Field(default=MAX_REQUESTS, ge=1, le=MAX_REQUESTS)
    grace: float = Field(default=10, ge=0, le=60)


class LaneResult(_Message):
    """What one lane of a job (reads, writes) came to; latencies in seconds, None without any.

    `answered` right answers came within `seconds`; `checked` of all answers were compared with
    what they had to say; `errors` counts every request of the whole job, warm-up included, that
    got no answer, one that is not 2xx, or a wrong one. `server_p99` is of what the server says that
    it took (`Server-Timing`), None where it says nothing.
    """

    answered: int
    seconds: float
    p50: float | None
    p99: float | None
    maximum: float | None
    server_p99: float | None = None
    checked: int
    errors: int
    first_error: str | None

    @property
    def rate(self) -> float:
        """Right answers per second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0


class JobResult(_Message):
    """The lanes by name, and how much of one core the generator itself used (0 to 1)."""

    lanes: dict[str, LaneResult]
    generator_cpu: float
