"""The relay: publishes the log to a topic, in its order, as long as it is the leader.

It may repeat after a crash, never skip: the place moves on only when every message of a page is
acknowledged by all replicas in sync (architecture, section 6; kafka-notes).
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import orjson
import psycopg
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from events.messages import Stored, first_of_command, message
from services import metrics, tracing
from services.broker import BrokerAway, topics
from services.broker.cluster import CLOSE_SECONDS, Cluster
from services.broker.topics import Topic
from services.command.application import relay_place
from services.command.application.relay_place import Connection, Deposed, Place
from services.tracing import Span, Value

STAND_BY_SECONDS = 1.0
LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 2.0
ACKNOWLEDGE_SECONDS, STEP_SECONDS = 35.0, 1.0
PAGE = 2_000
PARTITION = 0
PASSING = (KafkaError, BrokerAway, psycopg.OperationalError, psycopg.InterfaceError, Deposed)

log = logging.getLogger(__name__)


class Relay:
    """`run()` returns after `stop()`; any number of processes may run one for the same topic.

    One leads; when its session ends, another takes over within STAND_BY_SECONDS. Whoever meets a
    failure that may pass gives up the lead first, so that one who can reach everything gets it.
    `leads` tells whether this one publishes, `trouble` which kind of failure it is not over yet.
    """

    def __init__(self, conninfo: str, cluster: Cluster, topic: str, *, page: int = PAGE) -> None:
        self._conninfo = conninfo
        self._cluster = cluster
        self.topic = topic
        self._page = page
        self._stopping = threading.Event()
        self.leads = False
        self.trouble: str | None = None

    def run(self) -> None:
        """Lead, or wait to. Raises what no trying again would mend.

        LogReplaced is that, and BrokerUnusable of a topic that is not as it has to be.
        """
        metrics.RELAY_LEADS.set_function(lambda: float(self.leads))
        failures = 0
        while not self._stopping.is_set():
            try:
                self._take_part()
                failures = 0
            except PASSING as error:
                failures += 1
                metrics.RELAY_FAILURES.inc()
                self.trouble = type(error).__name__
                log.warning("the relay steps down: %s: %s", type(error).__name__, error)
                self._stopping.wait(min(0.25 * (1 << min(failures, 8)), LONGEST_PAUSE_SECONDS))

    def stop(self) -> None:
        """Finish the page under way and end `run()`; safe to call in a signal handler."""
        self._stopping.set()

    def _take_part(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            while not relay_place.try_lock(connection, self.topic):
                self.trouble = None
                if self._stopping.wait(STAND_BY_SECONDS):
                    return
            place = relay_place.load(connection, self.topic)
            topics.check(self._cluster, Topic(self.topic))
            log.info("the relay leads for topic %s from position %s", self.topic, place.position)
            connection.execute("LISTEN stored_events")
            with self._leading(), _producing(self._cluster) as producer:
                self._lead(connection, producer, place)

    @contextmanager
    def _leading(self) -> Iterator[None]:
        self.leads = True
        try:
            yield
        finally:
            self.leads = False

    def _lead(self, connection: Connection, producer: KafkaProducer, place: Place) -> None:
        while not self._stopping.is_set():
            rows = relay_place.page(connection, place, self._page)
            if rows:
                began, at = time.monotonic(), tracing.now()
                self._publish(producer, rows, place)
                _count(len(rows), began)
                self._trace(rows, at)
                moved = place.moved_to(rows[-1], orjson.loads(rows[-1].state)["id"])
                relay_place.save(connection, place, moved)
                place, self.trouble = moved, None
            else:
                self.trouble = None
                for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                    pass

    def _publish(self, producer: KafkaProducer, rows: Sequence[Stored], place: Place) -> None:
        """Return once all are acknowledged; raises what became of the first that is not."""
        sent = []
        for row in rows:
            told = message(row, place.epoch)
            options = {"key": told.key, "headers": told.headers, "partition": PARTITION}
            sent.append(producer.send(self.topic, told.value, **options))
        self._acknowledged(producer)
        for future in sent:
            future.get(timeout=0)

    def _trace(self, rows: Sequence[Stored], began: int) -> None:
        """In the trace of each command: it was published."""
        if not tracing.active():
            return
        found = tracing.marks(origin for row in rows if (origin := first_of_command(row)))
        told: dict[str, Value] = {
            "messaging.system": "kafka",
            "messaging.destination.name": self.topic,
            "messaging.batch.message_count": len(rows),
        }
        span = Span(f"publish {self.topic}", "producer", began, tracing.now(), attributes=told)
        tracing.followed(span, "producer", found)

    def _acknowledged(self, producer: KafkaProducer) -> None:
        """Raises KafkaTimeoutError when it takes too long; soon, where the relay is to stop."""
        deadline = time.monotonic() + ACKNOWLEDGE_SECONDS
        while True:
            try:
                producer.flush(timeout=STEP_SECONDS)
            except KafkaTimeoutError:
                if self._stopping.is_set() or time.monotonic() > deadline:
                    raise
            else:
                return


def _count(rows: int, began: float) -> None:
    metrics.RELAY_BATCH.observe(rows)
    metrics.RELAY_PUBLISHED.inc(rows)
    metrics.RELAY_SECONDS.observe(time.monotonic() - began)


@contextmanager
def _producing(cluster: Cluster) -> Iterator[KafkaProducer]:
    producer = cluster.producer()
    try:
        yield producer
    finally:
        producer.close(timeout=CLOSE_SECONDS)
