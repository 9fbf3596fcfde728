"""A Kafka cluster, and how its clients are to be set up."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaError

from services.broker import BrokerAway, records

if TYPE_CHECKING:  # who reads a topic for another process is told, and needs none of it
    from services.settings import KafkaSettings

BOOTSTRAP_MS = 10_000
REQUEST_MS = 10_000
RECONNECT_MS = 1_000  # by default the pauses grow to 30 seconds
DELIVERY_MS = 30_000
BLOCK_MS = 5_000
LINGER_MS = 5
BATCH_BYTES = 128 * 1024
CLOSE_SECONDS = 5.0
SESSION_MS, HEARTBEAT_MS = 10_000, 2_000
POLL_INTERVAL_MS = 300_000
FETCH_WAIT_MS, FETCH_BYTES = 200, 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the brokers are (`host:port`), and kafka-python's options for TLS and SASL."""

    bootstrap: tuple[str, ...]
    security: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: "KafkaSettings") -> "Cluster":
        """The cluster that an operator named."""
        transport = "SSL" if settings.kafka_tls else "PLAINTEXT"
        sasl = "" if settings.kafka_password is None else "SASL_"
        security: dict[str, Any] = {"security_protocol": sasl + transport}
        if settings.kafka_ca_file is not None:
            security["ssl_cafile"] = str(settings.kafka_ca_file)
        if settings.kafka_password is not None:
            security |= {
                "sasl_mechanism": settings.kafka_sasl_mechanism,
                "sasl_plain_username": settings.kafka_username,
                "sasl_plain_password": settings.kafka_password.get_secret_value(),
            }
        return cls(settings.kafka_bootstrap, security)

    def producer(self, role: str = "relay") -> KafkaProducer:
        """Acknowledged by all replicas in sync, in order, each record once as long as it lives."""
        return KafkaProducer(
            **self._options(role),
            # said explicitly: otherwise an option that contradicts it turns it off, unheard
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            linger_ms=LINGER_MS,
            batch_size=BATCH_BYTES,
            max_block_ms=BLOCK_MS,
            request_timeout_ms=REQUEST_MS,
            delivery_timeout_ms=DELIVERY_MS,
            allow_auto_create_topics=False,
        )

    def consumer(self, role: str = "projection", **options: Any) -> KafkaConsumer:  # noqa: ANN401
        """Of no group: who consumes knows from his own rows where to begin."""
        return self._consumer(role, group_id=None, auto_offset_reset="earliest", **options)

    def member(self, group: str) -> KafkaConsumer:
        """Of a group that shares partitions out; where to begin is for its members to say.

        A place that is not there is an error, never silently another one. Records of transactions
        that were given up are left out.
        """
        return self._consumer(
            "usage",
            group_id=group,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=POLL_INTERVAL_MS,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=FETCH_BYTES,
        )

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """A client for topics. Raises BrokerAway when no broker answers."""
        try:
            client = KafkaAdminClient(**self._options("topics"), bootstrap_timeout_ms=BOOTSTRAP_MS)
        except KafkaError as error:
            places = ",".join(self.bootstrap)
            raise BrokerAway(f"no broker answers at {places}: {error}") from error
        try:
            yield client
        finally:
            client.close()

    def _consumer(self, role: str, **options: Any) -> KafkaConsumer:  # noqa: ANN401
        records.accept_any_names()
        return KafkaConsumer(
            **self._options(role),
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            **options,
        )

    def _options(self, role: str) -> dict[str, Any]:
        return {
            "bootstrap_servers": list(self.bootstrap),
            "client_id": f"teamledger-{role}",
            "reconnect_backoff_max_ms": RECONNECT_MS,
            **self.security,
        }
