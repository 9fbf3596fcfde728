"""What the routes for operators work with, made once per process."""

import time

from prometheus_client import CollectorRegistry

from services.database.connections import Pool
from services.operation.exposed import Kind, registry_of
from services.operation.standing import Lag
from services.operation.survey import Survey


class Operation:
    """Of a process of this kind. `reads` leads to the read models, where it keeps any.

    `max_lag` seconds is how old the oldest event may be that a follower of a ready process lacks.
    """

    def __init__(
        self, kind: Kind, events: Pool, reads: Pool | None = None, *, max_lag: float = 30.0
    ) -> None:
        self.kind, self.max_lag = kind, max_lag
        self.survey = Survey(events, reads)
        self.registry: CollectorRegistry = registry_of(kind, lambda: self.survey.latest)
        self._began = time.monotonic()

    @property
    def uptime(self) -> float:
        """Seconds since the process was ready to start answering."""
        return time.monotonic() - self._began

    def too_far(self, what: str, lag: Lag) -> str | None:
        """Why a follower is too far behind; None while it is not."""
        if lag.seconds <= self.max_lag:
            return None
        return f"{what} lacks events since {lag.seconds:.0f} s, more than {self.max_lag:g} s"
