"""What a process exposes at /metrics: what it counted itself, and how everything stands."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services import metrics
from services.operation.standing import Lag, Log, Standing


class Kind(StrEnum):
    """Of a process: which command started it."""

    SERVE = "serve"
    COMMAND = "command"
    PROJECTION = "projection"
    RELAY = "relay"
    USAGE_CONSUMER = "usage-consumer"


_COUNTED = {
    Kind.SERVE: (*metrics.OF_COMMANDS, *metrics.OF_USAGE, *metrics.OF_READS),
    Kind.COMMAND: (*metrics.OF_COMMANDS, *metrics.OF_USAGE),
    Kind.PROJECTION: (*metrics.OF_COMMANDS, *metrics.OF_READS),
    Kind.RELAY: metrics.OF_RELAY,
    Kind.USAGE_CONSUMER: (*metrics.OF_COMMANDS, *metrics.OF_USAGE, *metrics.OF_CONSUMER),
}
KEEPS_READ_MODELS = frozenset({Kind.SERVE, Kind.PROJECTION})


def registry_of(kind: Kind, standing: Callable[[], Standing]) -> CollectorRegistry:
    """Everything that a process of this kind exposes; `standing` is asked at each collection."""
    registry = CollectorRegistry()
    for collector in (*metrics.OF_HTTP, *_COUNTED[kind]):
        registry.register(collector)
    registry.register(StandingCollector(kind, standing))
    ProcessCollector(registry=registry)
    return registry


class StandingCollector(Collector):
    """Gauges of a standing; what a database did not tell has no sample, never an old one."""

    def __init__(self, kind: Kind, standing: Callable[[], Standing]) -> None:
        self._kind, self._standing = kind, standing
        self._version = version("teamledger")

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        found = self._standing()
        info = _family("teamledger_info", "The process", "version", "kind")
        info.add_metric([self._version, self._kind], 1)
        yield info
        up = _family("teamledger_database_up", "1 when the database answered", "database")
        up.add_metric(["events"], float(found.log is not None))
        if self._kind in KEEPS_READ_MODELS:
            up.add_metric(["read"], float(found.groups is not None))
            lags = found.groups or {} if found.log is not None else {}
            yield from _followers("projection", "group", "a group of read models", lags.items())
        yield up
        yield from _of_log(found.log)


def _of_log(log: Log | None) -> Iterator[Metric]:
    relays = () if log is None else [(each.topic, each.lag) for each in log.relays]
    yield from _followers("relay", "topic", "a topic", relays)
    sealed = () if log is None else [("", log.seal.events)]
    yield from _followers("seal", "", "the Merkle tree", sealed)
    for name, means, value in _numbers(log):
        family = _family(name, means)
        if value is not None:
            family.add_metric([], value)
        yield family


def _numbers(log: Log | None) -> Iterator[tuple[str, str, float | None]]:
    def of(value: Callable[[Log], float | None]) -> float | None:
        return None if log is None else value(log)

    yield "teamledger_log_position", "Position of the last event", of(lambda log: log.head)
    yield (
        "teamledger_usage_ledger_position",
        "Position of the last record of usage",
        of(lambda log: log.usage),
    )
    yield (
        "teamledger_usage_quarantined",
        "Records of usage that wait for somebody's decision",
        of(lambda log: log.queues.quarantined),
    )
    yield (
        "teamledger_checkpoint_age_seconds",
        "Age of the newest signed checkpoint",
        of(lambda log: _age(log, log.seal.checkpoint_at)),
    )
    yield (
        "teamledger_webhook_messages_waiting",
        "Messages to webhooks that are neither delivered nor given up",
        of(lambda log: log.queues.messages),
    )
    yield (
        "teamledger_webhook_oldest_waiting_seconds",
        "Age of the oldest message that waits, 0 if none does",
        of(lambda log: _age(log, log.queues.oldest) or 0.0),
    )


def _age(log: Log, since: datetime | None) -> float | None:
    return None if since is None else max((log.at - since).total_seconds(), 0.0)


def _followers(
    name: str, label: str, what: str, found: Iterable[tuple[str, Lag]]
) -> Iterator[Metric]:
    """Without a label there is one at most."""
    labels = (label,) if label else ()
    position = _family(f"teamledger_{name}_position", f"Up to where {what} holds the log", *labels)
    events = _family(f"teamledger_{name}_lag_events", f"Events that {what} lacks", *labels)
    seconds = _family(
        f"teamledger_{name}_lag_seconds", f"Age of the oldest event {what} lacks, or 0", *labels
    )
    for value, lag in found:
        of = [value] if label else []
        position.add_metric(of, lag.position)
        events.add_metric(of, lag.events)
        seconds.add_metric(of, lag.seconds)
    yield from (position, events, seconds)


def _family(name: str, means: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, means, labels=labels)
