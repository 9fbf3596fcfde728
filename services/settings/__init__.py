"""What an operator may set, read once at the start from variables called `TEAMLEDGER_…`.

A setting that would be unsafe stops the start with a text that names the variable and the way out.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from events.messages import TOPIC
from events.usage import LONGEST_NAME
from events.usage_topics import DEAD_TOPIC, SOURCE, USAGE_TOPIC
from services.settings.values import (
    PREFIX,
    absolute,
    ascending,
    check_certificates,
    default_data_dir,
    file_or_address,
    is_loopback,
    known_zone,
    listed,
    lower,
    readable_root_key,
    sendable_key,
    separated,
    team_id,
)

ADDRESS = r"^[A-Za-z0-9_.\-\[\]:]+:[0-9]{1,5}$"
TOPIC_NAME = r"^[A-Za-z0-9._-]{1,249}$"
_TOPICS = ("EVENTS", "USAGE", "USAGE_DEAD")
HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"


S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """The configuration is unusable; the text names every variable at fault and what to do."""


class KafkaSettings(BaseSettings):
    """What every process needs to find the log and the brokers, and nothing that opens a seal.

    `kafka_bootstrap` are addresses `host:port` separated by commas; none means that there is no
    Kafka. `kafka_events_topic` holds the log of one installation. What comes over
    `kafka_usage_topic` is booked as reported by `kafka_usage_source`; what cannot be goes to
    `kafka_usage_dead_topic`, at most `kafka_usage_dead_per_hour` messages in any hour. Not ready is
    a process whose follower of the log lacks an event older than `readiness_max_lag_seconds`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Annotated[Path, AfterValidator(absolute)] = Field(default_factory=default_data_dir)
    database_url: SecretStr | None = None
    kafka_bootstrap: Annotated[
        tuple[Annotated[str, Field(pattern=ADDRESS)], ...], NoDecode, BeforeValidator(listed)
    ] = ()
    kafka_events_topic: Annotated[str, Field(pattern=TOPIC_NAME)] = TOPIC
    kafka_usage_topic: Annotated[str, Field(pattern=TOPIC_NAME)] = USAGE_TOPIC
    kafka_usage_source: Annotated[str, Field(max_length=LONGEST_NAME)] = SOURCE
    kafka_usage_dead_topic: Annotated[str, Field(pattern=TOPIC_NAME)] = DEAD_TOPIC
    kafka_usage_dead_per_hour: Annotated[int, Field(ge=0, le=1_000_000_000)] = 1_000
    kafka_tls: bool = False
    kafka_ca_file: Annotated[Path, AfterValidator(absolute)] | None = None
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    readiness_max_lag_seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 30.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(lower)
    ] = "info"

    @model_validator(mode="after")
    def _topics_are_apart(self) -> Self:
        names = (self.kafka_events_topic, self.kafka_usage_topic, self.kafka_usage_dead_topic)
        if len(set(names)) < len(names):
            variables = ", ".join(f"{PREFIX}KAFKA_{name}_TOPIC" for name in _TOPICS)
            raise ValueError(f"{variables} must name three topics, not the same one twice")
        return self

    @model_validator(mode="after")
    def _the_authority_of_brokers_is_known(self) -> Self:
        if self.kafka_tls and self.kafka_ca_file is not None:
            check_certificates(self.kafka_ca_file)
        return self

    @model_validator(mode="after")
    def _a_name_and_a_password_go_together(self) -> Self:
        if (self.kafka_username is None) != (self.kafka_password is None):
            raise ValueError(
                f"{PREFIX}KAFKA_USERNAME and {PREFIX}KAFKA_PASSWORD are set together, or neither"
            )
        return self


class ConsumerSettings(KafkaSettings):
    """Where a consumer of usage answers /metrics and /health; port 0 is nowhere."""

    usage_consumer_host: str = "127.0.0.1"
    usage_consumer_port: Annotated[int, Field(ge=0, le=65535)] = 0


K = TypeVar("K", bound=KafkaSettings)


class RelaySettings(KafkaSettings):
    """Where a relay answers /metrics and /health, and nothing else; port 0 is nowhere."""

    relay_host: str = "127.0.0.1"
    relay_port: Annotated[int, Field(ge=0, le=65535)] = 4009


class Settings(KafkaSettings):
    """The configuration of one process. An empty variable counts as one that is not set.

    `command_deadline` is in seconds; `max_body_bytes` in bytes of a request as it is received. What
    gateways report has limits of its own: `max_usage_bytes` also holds for what it unpacks to.
    `available_teams` are team ids, `models` the names of what the gateways serve, both separated by
    commas, each once.
    `proof_sink` is where signed checkpoints are kept outside: a file, or an address to post to;
    there is one in `checkpoint_seconds` at most.
    `alert_thresholds` are percents of every budget that events tell of once they are used up. A
    message to a webhook is given up after an attempt and as many more as `webhook_retry_seconds`
    has pauses; each attempt takes `webhook_timeout` seconds at most, and `webhook_in_flight` of one
    webhook are under way at a time. `webhook_private_targets` lets webhooks be on this machine and
    in private networks, and there without TLS.
    The security log keeps `security_log_entries` rows, none longer than `security_log_days`.
    `read_database_url` is where read models are kept if that is not the database of the events.
    Without `database_url` the service runs its own PostgreSQL below `data_dir` and keeps its keys
    there; with one, both keys must be given (architecture, section 2). `previous_master_key` is
    taken beside the present one while callers change over.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 4000
    master_key: Annotated[SecretStr, AfterValidator(sendable_key)] | None = None
    previous_master_key: Annotated[SecretStr, AfterValidator(sendable_key)] | None = None
    read_database_url: SecretStr | None = None
    root_key: Annotated[SecretStr, AfterValidator(readable_root_key)] | None = None
    key_header_name: Annotated[str, Field(pattern=HEADER_NAME)] | None = None
    timezone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    available_teams: Annotated[
        tuple[Annotated[str, AfterValidator(team_id)], ...], NoDecode, BeforeValidator(listed)
    ] = ()
    models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = ()
    compat: Literal["clean", "strict"] = "clean"
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1_048_576
    max_usage_bytes: Annotated[int, Field(ge=1024)] = 16_777_216
    max_usage_items: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    max_json_depth: Annotated[int, Field(ge=1, le=200)] = 32
    command_deadline: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)] = 8.0
    queue_size: Annotated[int, Field(ge=1)] = 10_000
    proof_sink: Annotated[str, AfterValidator(file_or_address)] | None = None
    checkpoint_seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 10.0
    alert_thresholds: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...],
        NoDecode,
        BeforeValidator(separated),
        AfterValidator(ascending),
    ] = (80, 90, 100)
    webhook_timeout: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 10.0
    webhook_retry_seconds: Annotated[
        tuple[Annotated[float, Field(gt=0, le=604_800, allow_inf_nan=False)], ...],
        NoDecode,
        BeforeValidator(separated),
    ] = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
    webhook_in_flight: Annotated[int, Field(ge=1, le=100)] = 4
    webhook_private_targets: bool = False
    security_log_entries: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    security_log_days: Annotated[int, Field(ge=1, le=36_500)] = 90

    @model_validator(mode="after")
    def _a_database_elsewhere_needs_both_keys(self) -> Self:
        keys = {"MASTER_KEY": self.master_key, "ROOT_KEY": self.root_key}
        absent = [PREFIX + name for name, key in keys.items() if key is None]
        if self.database_url is not None and absent:
            raise ValueError(
                f"{PREFIX}DATABASE_URL is set, so {' and '.join(absent)} must be set too: "
                "keys are kept in the data directory only next to the embedded database"
            )
        return self

    @model_validator(mode="after")
    def _read_models_elsewhere_need_a_database_elsewhere(self) -> Self:
        if self.read_database_url is not None and self.database_url is None:
            raise ValueError(
                f"{PREFIX}READ_DATABASE_URL is set, so {PREFIX}DATABASE_URL must be set too: the "
                "embedded database keeps its read models itself"
            )
        return self

    @model_validator(mode="after")
    def _beyond_loopback_needs_an_own_key(self) -> Self:
        if self.master_key is None and not is_loopback(self.host):
            raise ValueError(
                f"{PREFIX}HOST={self.host} listens beyond this machine: set {PREFIX}MASTER_KEY "
                "to a key of your own (sk-…), or listen on 127.0.0.1"
            )
        return self


def load_settings(given: Mapping[str, object] | None = None) -> Settings:
    """Read the environment; what is `given` by name (flags of the command line) goes before it.

    Raises SettingsError: one line for each thing to correct, without any secret.
    """
    return _loaded(Settings, given)


def load_kafka_settings(given: Mapping[str, object] | None = None) -> KafkaSettings:
    """Likewise for a process that needs no keys. Raises SettingsError where Kafka is not named."""
    return _with_brokers(_loaded(KafkaSettings, given))


def load_relay_settings(given: Mapping[str, object] | None = None) -> RelaySettings:
    """Likewise for a relay."""
    return _with_brokers(_loaded(RelaySettings, given))


def load_consumer_settings(given: Mapping[str, object] | None = None) -> ConsumerSettings:
    """Likewise for a consumer of usage."""
    return _with_brokers(_loaded(ConsumerSettings, given))


def _with_brokers(settings: K) -> K:
    if not settings.kafka_bootstrap:
        raise SettingsError(
            f"{PREFIX}KAFKA_BOOTSTRAP is not set: name the brokers, such as 127.0.0.1:9092"
        )
    return settings


def _loaded(settings: type[S], given: Mapping[str, object] | None) -> S:
    try:
        return settings.model_validate(dict(given or {}))
    except ValidationError as invalid:
        lines = [_explained(error) for error in invalid.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def _explained(error: ErrorDetails) -> str:
    cause = error.get("ctx", {}).get("error")
    text = str(cause) if isinstance(cause, ValueError) else error["msg"]
    if not error["loc"]:
        return text
    return f"{PREFIX}{str(error['loc'][0]).upper()}: {text}"
