"""Settings and secrets: what is read, what is refused, and with which words."""

import base64
import os
from pathlib import Path

import certifi
import pytest
from pydantic import SecretStr, ValidationError

from services.broker.cluster import Cluster
from services.database.secrets import SecretsError, known_master_key, load_secrets
from services.settings import Settings, SettingsError, load_kafka_settings, load_settings

MASTER_KEY = "sk-of-the-operator"
ROOT_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("TEAMLEDGER_")]:
        monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(f"TEAMLEDGER_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 4000)
    assert (settings.master_key, settings.database_url, settings.root_key) == (None, None, None)
    assert (settings.key_header_name, settings.timezone) == (None, "UTC")
    assert (settings.compat, settings.log_level) == ("clean", "info")
    assert settings.max_body_bytes == 1_048_576
    assert settings.max_json_depth == 32
    assert (settings.command_deadline, settings.queue_size) == (8.0, 10_000)


def test_variables_are_read_and_flags_go_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMLEDGER_PORT", "4100")
    monkeypatch.setenv("TEAMLEDGER_TIMEZONE", "Europe/Berlin")
    monkeypatch.setenv("TEAMLEDGER_UNHEARD_OF", "1")
    assert load_settings().port == 4100
    assert load_settings({"port": 4200}).port == 4200
    assert load_settings().timezone == "Europe/Berlin"


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMLEDGER_DATABASE_URL", "")
    assert load_settings().database_url is None


def test_available_teams_are_ids_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().available_teams == ()
    monkeypatch.setenv("TEAMLEDGER_AVAILABLE_TEAMS", " open, a/b c,,open ,\u00e9")
    assert load_settings().available_teams == ("open", "a/b c", "\u00e9")


def test_models_are_names_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().models == ()
    monkeypatch.setenv("TEAMLEDGER_MODELS", " gpt-4o, openai/o3 ,gpt-4o,")
    assert load_settings().models == ("gpt-4o", "openai/o3")


def test_thresholds_are_percents_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().alert_thresholds == (80, 90, 100)
    monkeypatch.setenv("TEAMLEDGER_ALERT_THRESHOLDS", "95, 50,095,120")
    assert load_settings().alert_thresholds == (50, 95, 120)
    monkeypatch.setenv("TEAMLEDGER_ALERT_THRESHOLDS", ",")
    assert load_settings().alert_thresholds == ()


@pytest.mark.parametrize("value", ["0", "-5", "1001", "80%", "12.5", "x"])
def test_what_is_no_percent_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert "TEAMLEDGER_ALERT_THRESHOLDS" in refusal(monkeypatch, ALERT_THRESHOLDS=value)


def test_pauses_between_attempts_may_be_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(load_settings().webhook_retry_seconds) == 9
    monkeypatch.setenv("TEAMLEDGER_WEBHOOK_RETRY_SECONDS", "5,5, 0.5")
    assert load_settings().webhook_retry_seconds == (5, 5, 0.5)
    assert "TEAMLEDGER_WEBHOOK_RETRY_SECONDS" in refusal(monkeypatch, WEBHOOK_RETRY_SECONDS="1,0")


@pytest.mark.parametrize("value", ["ok,a\tb", "ok," + "x" * 256])
def test_available_teams_are_such_ids_as_teams_may_have(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    assert "TEAMLEDGER_AVAILABLE_TEAMS" in refusal(monkeypatch, AVAILABLE_TEAMS=value)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


def test_the_data_directory_of_a_user_follows_xdg(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert load_settings().data_dir == tmp_path / ".local/share/teamledger"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # to be ignored, says the XDG specification
    assert load_settings().data_dir == tmp_path / ".local/share/teamledger"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert load_settings().data_dir == tmp_path / "xdg/teamledger"


def test_the_data_directory_of_root_is_a_system_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert load_settings().data_dir == Path("/var/lib/teamledger")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("PORT", "0", "greater than or equal to 1"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("PORT", "http", "valid integer"),
        ("TIMEZONE", "Europe/Atlantis", "'Europe/Atlantis' is not a time zone"),
        ("TIMEZONE", "../../etc/passwd", "is not a time zone"),
        ("TIMEZONE", "Europe", "is not a time zone"),
        ("COMPAT", "loose", "'clean' or 'strict'"),
        ("COMMAND_DEADLINE", "nan", "finite number"),
        ("COMMAND_DEADLINE", "0", "greater than 0"),
        ("QUEUE_SIZE", "0", "greater than or equal to 1"),
        ("KEY_HEADER_NAME", "x key", "match pattern"),
        ("KEY_HEADER_NAME", "x-key\r\nx-other", "match pattern"),
        ("LOG_LEVEL", "loud", "'debug'"),
        ("MASTER_KEY", "of-the-operator", "must start with 'sk-'"),
        ("MASTER_KEY", "sk-123", "at least 7 characters"),
        ("MASTER_KEY", "sk-with blank", "visible ASCII"),
        ("MASTER_KEY", "sk-schlüssel", "visible ASCII"),
        ("ROOT_KEY", "c2hvcnQ=", "must be 32 bytes in base64"),
        ("PROOF_SINK", "ftp://ann:confidential@host/notes", "the path of a file, or an address"),
        ("PROOF_SINK", "https://", "the path of a file, or an address"),
        ("PROOF_SINK", "https://ann:confidential@host:port/", "the path of a file, or an address"),
        ("ROOT_KEY", "not base64, not at all, and rather long", "must be 32 bytes in base64"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str
) -> None:
    said = refusal(monkeypatch, **{name: value})
    assert said.startswith(f"TEAMLEDGER_{name}: ")
    assert text in said
    assert "confidential" not in said


@pytest.mark.parametrize("sink", ["/a/notes", "notes.txt", "file:///a/notes", "https://[::1]:4/x"])
def test_checkpoints_are_kept_in_a_file_or_posted(
    monkeypatch: pytest.MonkeyPatch, sink: str
) -> None:
    monkeypatch.setenv("TEAMLEDGER_PROOF_SINK", sink)
    assert load_settings().proof_sink == sink


def test_all_errors_are_told_at_once_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, PORT="0", MASTER_KEY="confidential", ROOT_KEY="confidential")
    assert len(said.splitlines()) == 3
    assert "confidential" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", "127.0.0.1.x"])
def test_beyond_loopback_a_master_key_must_be_given(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    said = refusal(monkeypatch, HOST=host)
    assert f"TEAMLEDGER_HOST={host}" in said
    assert "set TEAMLEDGER_MASTER_KEY" in said
    assert load_settings({"master_key": MASTER_KEY}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_loopback_no_key_is_needed(host: str) -> None:
    assert load_settings({"host": host}).master_key is None


@pytest.mark.parametrize(
    ("keys", "absent"),
    [
        ({}, "TEAMLEDGER_MASTER_KEY and TEAMLEDGER_ROOT_KEY must"),
        ({"MASTER_KEY": MASTER_KEY}, "TEAMLEDGER_ROOT_KEY must"),
        ({"ROOT_KEY": ROOT_KEY}, "TEAMLEDGER_MASTER_KEY must"),
    ],
)
def test_a_database_elsewhere_needs_both_keys(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], absent: str
) -> None:
    said = refusal(monkeypatch, DATABASE_URL="postgresql://ann:confidential@db/ledger", **keys)
    assert absent in said
    assert "confidential" not in said


def test_secrets_are_not_printed() -> None:
    settings = load_settings({"master_key": MASTER_KEY, "root_key": ROOT_KEY})
    for shown in (repr(settings), str(settings), repr(load_secrets(settings))):
        assert MASTER_KEY not in shown
        assert ROOT_KEY not in shown


def test_given_keys_need_no_files(data_dir: Path) -> None:
    given = {"data_dir": data_dir, "master_key": MASTER_KEY, "root_key": ROOT_KEY}
    found = load_secrets(load_settings(given))
    assert (found.master_key, found.root_key) == (MASTER_KEY, bytes(range(32)))
    assert found.created_master_key is False
    assert found.master_keys == (MASTER_KEY,)
    assert not data_dir.exists()


def test_a_previous_master_key_is_taken_beside_the_present_one(data_dir: Path) -> None:
    given = {"data_dir": data_dir, "previous_master_key": "sk-previous"}
    beside_a_stored_one = load_secrets(load_settings(given))
    assert beside_a_stored_one.master_keys == (beside_a_stored_one.master_key, "sk-previous")
    both = {"master_key": MASTER_KEY, "root_key": ROOT_KEY}
    assert load_secrets(load_settings(given | both)).master_keys == (MASTER_KEY, "sk-previous")
    with pytest.raises(SettingsError, match="TEAMLEDGER_PREVIOUS_MASTER_KEY"):
        load_settings({"previous_master_key": "short"})


def test_a_first_start_makes_both_keys_and_later_ones_read_them(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    first, second = load_secrets(settings), load_secrets(settings)
    assert first.created_master_key is True
    assert second.created_master_key is False
    assert (first.master_key, first.root_key) == (second.master_key, second.root_key)
    assert first.master_key.startswith("sk-")
    assert len(first.root_key) == 32
    folder = data_dir / "secrets"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
    assert modes == {"secrets": 0o700, "master.key": 0o600, "root.key": 0o600}


def test_no_root_key_is_made_beside_a_database(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    load_secrets(settings)
    (data_dir / "postgres").mkdir()
    root_key = data_dir / "secrets" / "root.key"
    root_key.unlink()
    with pytest.raises(SecretsError, match=r"root\.key is missing.*: put it back"):
        load_secrets(settings)
    assert not root_key.exists()
    load_secrets(Settings(data_dir=data_dir, root_key=SecretStr(ROOT_KEY)))


def test_every_installation_has_keys_of_its_own(data_dir: Path) -> None:
    one = load_secrets(Settings(data_dir=data_dir / "one"))
    other = load_secrets(Settings(data_dir=data_dir / "other"))
    assert one.master_key != other.master_key
    assert one.root_key != other.root_key


def test_a_given_master_key_goes_before_the_file_and_leaves_it(data_dir: Path) -> None:
    made = load_secrets(Settings(data_dir=data_dir))
    given = Settings(data_dir=data_dir, master_key=SecretStr(MASTER_KEY))
    assert load_secrets(given).master_key == MASTER_KEY
    assert load_secrets(Settings(data_dir=data_dir)).master_key == made.master_key


def test_a_visitor_knows_the_master_key_or_makes_none(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    with pytest.raises(SecretsError, match="does not exist: set TEAMLEDGER_MASTER_KEY"):
        known_master_key(settings)
    assert not data_dir.exists()
    assert load_secrets(settings).master_key == known_master_key(settings)
    given = Settings(data_dir=data_dir, master_key=SecretStr(MASTER_KEY))
    assert known_master_key(given) == MASTER_KEY


def test_a_visitor_reads_no_key_that_is_open_to_others(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    load_secrets(settings)
    (data_dir / "secrets" / "master.key").chmod(0o644)
    with pytest.raises(SecretsError, match="is open to others"):
        known_master_key(settings)


def test_a_given_master_key_is_never_written(data_dir: Path) -> None:
    given = Settings(data_dir=data_dir, master_key=SecretStr(MASTER_KEY))
    assert load_secrets(given).created_master_key is False
    assert [path.name for path in (data_dir / "secrets").iterdir()] == ["root.key"]


@pytest.mark.parametrize(
    ("name", "mode"), [("", 0o750), ("", 0o701), ("master.key", 0o640), ("root.key", 0o604)]
)
def test_secrets_open_to_others_are_refused(data_dir: Path, name: str, mode: int) -> None:
    load_secrets(Settings(data_dir=data_dir))
    opened = data_dir / "secrets" / name
    opened.chmod(mode)
    with pytest.raises(SecretsError, match=f"{opened} is open to others \\(mode {mode:04o}\\)"):
        load_secrets(Settings(data_dir=data_dir))


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("master.key", b"", "must start with 'sk-'"),
        ("master.key", b"sk-\xff\xfe-binary", "master.key"),
        ("root.key", b"", "put back the file"),
        ("root.key", b"c2hvcnQ=", "put back the file"),
    ],
)
def test_damaged_secrets_are_refused_and_kept(
    data_dir: Path, name: str, content: bytes, text: str
) -> None:
    load_secrets(Settings(data_dir=data_dir))
    damaged = data_dir / "secrets" / name
    damaged.write_bytes(content)
    with pytest.raises(SecretsError, match=text):
        load_secrets(Settings(data_dir=data_dir))
    assert damaged.read_bytes() == content


def test_links_and_pipes_are_not_read_as_secrets(data_dir: Path) -> None:
    load_secrets(Settings(data_dir=data_dir))
    key = data_dir / "secrets" / "master.key"
    key.rename(data_dir / "elsewhere")
    key.symlink_to(data_dir / "elsewhere")
    with pytest.raises(SecretsError, match=r"master\.key"):
        load_secrets(Settings(data_dir=data_dir))
    key.unlink()
    os.mkfifo(key, 0o600)
    with pytest.raises(SecretsError, match="not what belongs there"):
        load_secrets(Settings(data_dir=data_dir))


def test_brokers_are_named_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMLEDGER_KAFKA_BOOTSTRAP", "a:9092, [::1]:9093,a:9092")
    assert load_kafka_settings().kafka_bootstrap == ("a:9092", "[::1]:9093")
    monkeypatch.setenv("TEAMLEDGER_KAFKA_BOOTSTRAP", "a:9092,http://b")
    with pytest.raises(SettingsError, match="TEAMLEDGER_KAFKA_BOOTSTRAP"):
        load_kafka_settings()


def test_a_relay_has_to_be_told_of_brokers_and_of_nothing_secret() -> None:
    with pytest.raises(SettingsError, match="TEAMLEDGER_KAFKA_BOOTSTRAP is not set"):
        load_kafka_settings()
    told = {"kafka_bootstrap": "a:9092", "database_url": "postgresql://h/d"}
    assert load_kafka_settings(told).kafka_events_topic == "teamledger.events.v1"


def test_half_of_a_login_is_refused() -> None:
    with pytest.raises(SettingsError, match="TEAMLEDGER_KAFKA_PASSWORD"):
        load_kafka_settings({"kafka_bootstrap": "a:9092", "kafka_username": "ann"})


def test_certificates_are_looked_at_before_a_broker_is_said_not_to_answer(tmp_path: Path) -> None:
    given = {"kafka_bootstrap": "a:9092", "kafka_tls": True, "kafka_ca_file": tmp_path / "ca.pem"}
    with pytest.raises(SettingsError, match=r"KAFKA_CA_FILE: .*ca\.pem cannot be read: No such"):
        load_kafka_settings(given)
    (tmp_path / "ca.pem").write_text("of somebody else\n")
    with pytest.raises(SettingsError, match=r"KAFKA_CA_FILE: .* holds no certificates in PEM"):
        load_kafka_settings(given)
    assert load_kafka_settings({**given, "kafka_ca_file": certifi.where()}).kafka_tls
    assert not load_kafka_settings({**given, "kafka_tls": False}).kafka_tls


@pytest.mark.parametrize(
    ("given", "protocol"),
    [
        ({}, "PLAINTEXT"),
        ({"kafka_tls": True}, "SSL"),
        ({"kafka_username": "ann", "kafka_password": "s"}, "SASL_PLAINTEXT"),
        ({"kafka_tls": True, "kafka_username": "ann", "kafka_password": "s"}, "SASL_SSL"),
    ],
)
def test_how_brokers_are_spoken_to(given: dict[str, object], protocol: str) -> None:
    cluster = Cluster.of(load_kafka_settings({"kafka_bootstrap": "a:9092", **given}))
    assert cluster.bootstrap == ("a:9092",)
    assert cluster.security["security_protocol"] == protocol
    login = {"sasl_plain_username": "ann", "sasl_plain_password": "s"} if "SASL" in protocol else {}
    assert login.items() <= cluster.security.items()
