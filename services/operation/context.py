"""What the routes for operators work with, made once per process."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from services.database.connections import Pool
from services.operation.exposed import Kind, registry_of
from services.operation.standing import Lag
from services.operation.survey import Survey


@dataclass(frozen=True, slots=True)
class Shown:
    """A process: `uptime` in seconds since it answers, `migrations` by schema."""

    kind: str
    version: str
    uptime: float
    migrations: Mapping[str, int]


class Operation:
    """Of a process of this kind. `reads` leads to the read models, where it keeps any, `groups`.

    `max_lag` seconds is how old the oldest event may be that a follower of a ready process lacks;
    `migrations` are the numbers of the last ones that this release knows, by schema.
    """

    def __init__(  # noqa: PLR0913
        self,
        kind: Kind,
        events: Pool,
        reads: Pool | None = None,
        *,
        groups: Sequence[str] = (),
        max_lag: float = 30.0,
        migrations: Mapping[str, int] | None = None,
    ) -> None:
        self.kind, self.max_lag, self.migrations = kind, max_lag, migrations or {}
        self.survey = Survey(events, reads, groups)
        self.registry: CollectorRegistry = registry_of(kind, lambda: self.survey.latest)
        self._began = time.monotonic()

    @property
    def shown(self) -> Shown:
        """What is shown of the process itself."""
        uptime = time.monotonic() - self._began
        return Shown(self.kind, version("teamledger"), uptime, self.migrations)

    def too_far(self, what: str, lag: Lag) -> str | None:
        """Why a follower is too far behind; None while it is not."""
        if lag.seconds <= self.max_lag:
            return None
        age, limit = f"{lag.seconds:.0f} s", f"{self.max_lag:g} s"
        return f"{what}: the oldest event that is missing is {age} old, the limit is {limit}"
