"""What a process counts and times while it works: Prometheus metrics, defined once for all kinds.

`docs/operations/metrics.md` is the documented list; a test compares it with what running processes
expose. No label takes a value that a caller chooses: routes are templates, outcomes are few. Which
of the groups below a process exposes is decided by its registry (`services.operation`).
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


def _counter(name: str, means: str, label: str = "", values: Iterable[str] = ()) -> Counter:
    """With a label all its values are there from the start, at 0: rates need a beginning."""
    counter = Counter(name, means, [label] if label else [], registry=None)
    for value in values:
        counter.labels(value)
    return counter


def _gauge(name: str, means: str) -> Gauge:
    return Gauge(name, means, registry=None)


def _seconds(name: str, means: str) -> Histogram:
    return Histogram(name, means, buckets=_SECONDS, registry=None)


def _sizes(name: str, means: str) -> Histogram:
    return Histogram(name, means, buckets=_SIZES, registry=None)


HTTP_REQUESTS: Final = Counter(
    "teamledger_http_requests_total",
    "Requests that were answered",
    ["method", "route", "status"],
    registry=None,
)
HTTP_SECONDS: Final = Histogram(
    "teamledger_http_request_seconds",
    "Time until an answer began",
    ["method", "route"],
    buckets=_SECONDS,
    registry=None,
)
HTTP_UNDER_WAY: Final = _gauge(
    "teamledger_http_requests_in_progress", "Requests that are not answered to their end"
)

COMMANDS: Final = _counter(
    "teamledger_commands_total",
    "Commands, by what became of them",
    "outcome",
    ("accepted", "unchanged", "rehearsed", "refused", "replayed", "unavailable", "failed"),
)
COMMAND_SECONDS: Final = _seconds(
    "teamledger_command_seconds", "Time of a command from its arrival in the queue to its answer"
)
COMMAND_BATCH: Final = _sizes("teamledger_command_batch_commands", "Commands of a batch")
COMMAND_EVENTS: Final = _sizes(
    "teamledger_command_batch_events", "Events of a batch that appended any"
)
COMMIT_SECONDS: Final = _seconds(
    "teamledger_command_commit_seconds", "Time in which a batch was decided and settled"
)
CONFLICTS: Final = _counter(
    "teamledger_command_conflicts_total", "Batches decided again, as another process appended first"
)
INTERRUPTIONS: Final = _counter(
    "teamledger_command_interruptions_total", "Commits whose connection was lost or too slow"
)
COMMANDS_QUEUED: Final = _gauge("teamledger_command_queue", "Commands that wait for a batch")
COMMANDS_TAKEN: Final = _gauge("teamledger_commands_taken", "1 while commands are taken, else 0")

USAGE_RECORDS: Final = _counter(
    "teamledger_usage_records_total",
    "Reported records of usage, by what became of them",
    "outcome",
    ("recorded", "duplicate", "altered", "quarantined", "refused"),
)
USAGE_BATCH: Final = _sizes("teamledger_usage_batch_records", "Records of a commit to the ledger")
USAGE_COMMIT_SECONDS: Final = _seconds(
    "teamledger_usage_commit_seconds", "Time in which records were booked"
)
USAGE_WAITING: Final = _gauge("teamledger_usage_queue", "Records that wait to be booked")

READ_WAIT_SECONDS: Final = _seconds(
    "teamledger_read_wait_seconds",
    "Time reads waited for the head, and for read models to reach it",
)
READS_UNAVAILABLE: Final = _counter(
    "teamledger_reads_unavailable_total",
    "Reads answered 503, by what was missing",
    "reason",
    ("head", "not_reached", "rebuild", "database", "too_long"),
)
DECISIONS: Final = _counter(
    "teamledger_decisions_total",
    "Answers of /v1/decide, `allowed` or the check that denied",
    "outcome",
)
PROJECTED_BATCH: Final = _sizes(
    "teamledger_projection_batch_events", "Positions that one transaction of projectors moved on"
)
PROJECTION_SECONDS: Final = _seconds(
    "teamledger_projection_batch_seconds", "Time in which a batch was written to the read models"
)
PROJECTION_INTERRUPTIONS: Final = _counter(
    "teamledger_projection_interruptions_total", "Times that projectors had to wait for a database"
)
PROJECTION_STOPPED: Final = _gauge(
    "teamledger_projection_stopped", "1 when projectors have stopped for good, else 0"
)
FED: Final = _counter(
    "teamledger_feed_events_total", "Events given to projectors", "source", ("topic", "log")
)
SEALER_STOPPED: Final = _gauge(
    "teamledger_sealer_stopped", "1 when the sealer has stopped for good, else 0"
)
CHECKPOINTS: Final = _counter("teamledger_checkpoints_total", "Checkpoints signed")
CHECKPOINTS_REFUSED: Final = _counter(
    "teamledger_checkpoint_refusals_total", "Attempts to hand a checkpoint to the sink that failed"
)
WEBHOOK_ATTEMPTS: Final = _counter(
    "teamledger_webhook_attempts_total",
    "Attempts at messages to webhooks, by what became of them",
    "outcome",
    ("delivered", "failed", "given_up"),
)

RELAY_LEADS: Final = _gauge("teamledger_relay_leads", "1 while this relay publishes, else 0")
RELAY_PUBLISHED: Final = _counter(
    "teamledger_relay_published_total", "Events acknowledged by the brokers"
)
RELAY_BATCH: Final = _sizes("teamledger_relay_batch_events", "Events of a page published at once")
RELAY_SECONDS: Final = _seconds(
    "teamledger_relay_publish_seconds", "Time until all brokers had acknowledged a page"
)
RELAY_FAILURES: Final = _counter(
    "teamledger_relay_failures_total", "Failures after which this relay stepped down"
)

CONSUMED: Final = _sizes(
    "teamledger_usage_consumer_batch_messages", "Messages of a batch read from the topic of usage"
)
CONSUMER_DELAY: Final = Histogram(
    "teamledger_usage_consumer_delay_seconds",
    "Age of the oldest message of a batch when it was booked",
    buckets=(*_SECONDS, 30.0, 60.0, 300.0, 3_600.0),
    registry=None,
)
CONSUMER_READS: Final = _gauge(
    "teamledger_usage_consumer_reading", "1 while the topic of usage is read, else 0"
)
CONSUMER_PARTITIONS: Final = _gauge(
    "teamledger_usage_consumer_partitions", "Partitions of the topic of usage that this process has"
)
CONSUMER_LAG: Final = _gauge(
    "teamledger_usage_consumer_lag_messages", "Messages in these that are not booked"
)
CONSUMER_FAILURES: Final = _counter(
    "teamledger_usage_consumer_failures_total", "Failures after which reading began anew"
)
DEAD_LETTERS: Final = _counter(
    "teamledger_dead_letters_total",
    "Messages of the topic of usage that could not be booked",
    "reason",
    ("unreadable", "corrects_nothing"),
)

OF_HTTP: Final[tuple[Collector, ...]] = (HTTP_REQUESTS, HTTP_SECONDS, HTTP_UNDER_WAY)
OF_COMMANDS: Final[tuple[Collector, ...]] = (
    *(COMMANDS, COMMAND_SECONDS, COMMAND_BATCH, COMMAND_EVENTS, COMMIT_SECONDS),
    *(CONFLICTS, INTERRUPTIONS, COMMANDS_QUEUED, COMMANDS_TAKEN),
)
OF_USAGE: Final[tuple[Collector, ...]] = (
    *(USAGE_RECORDS, USAGE_BATCH, USAGE_COMMIT_SECONDS, USAGE_WAITING),
)
OF_READS: Final[tuple[Collector, ...]] = (
    *(READ_WAIT_SECONDS, READS_UNAVAILABLE, DECISIONS, FED),
    *(PROJECTED_BATCH, PROJECTION_SECONDS, PROJECTION_INTERRUPTIONS, PROJECTION_STOPPED),
    *(SEALER_STOPPED, CHECKPOINTS, CHECKPOINTS_REFUSED, WEBHOOK_ATTEMPTS),
)
OF_RELAY: Final[tuple[Collector, ...]] = (
    *(RELAY_LEADS, RELAY_PUBLISHED, RELAY_BATCH, RELAY_SECONDS, RELAY_FAILURES),
)
OF_CONSUMER: Final[tuple[Collector, ...]] = (
    *(CONSUMED, CONSUMER_DELAY, CONSUMER_READS, CONSUMER_PARTITIONS, CONSUMER_LAG),
    *(CONSUMER_FAILURES, DEAD_LETTERS),
)
