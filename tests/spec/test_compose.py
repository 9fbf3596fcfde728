"""deploy/compose.yaml and deploy/Dockerfile, as far as they can be judged without Docker."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from services.cli.main import app
from services.settings import (
    KafkaSettings,
    load_consumer_settings,
    load_kafka_settings,
    load_relay_settings,
    load_settings,
)

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
DOCKERFILE = DEPLOY / "Dockerfile"
GIVEN = {
    "POSTGRES_PASSWORD": "secret",
    "TEAMLEDGER_MASTER_KEY": "sk-1234567",
    "TEAMLEDGER_ROOT_KEY": "cm9vdGtleXJvb3RrZXlyb290a2V5cm9vdGtleXJvb3Q=",
    "TEAMLEDGER_LISTEN": "127.0.0.1:4000",
    "TEAMLEDGER_NETWORK": "172.31.250",
    "TEAMLEDGER_PREVIOUS_MASTER_KEY": "",
}
SETTINGS: dict[str, Callable[[], KafkaSettings]] = {
    "command": load_settings,
    "projection": load_settings,
    "relay": load_relay_settings,
    "topics": load_kafka_settings,
    "usage-consumer": load_consumer_settings,
}
_VARIABLE = re.compile(r"\$\{(\w+):(?:\?see \.env\.example|-)\}")
_SERVER = re.compile(r"^  server (\S+):4000 ", re.MULTILINE)


def services() -> dict[str, dict[str, Any]]:
    """By name, with what an operator gives filled in."""
    text = _VARIABLE.sub(lambda found: GIVEN[found[1]], COMPOSE.read_text())
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(text)["services"]
    return found


OURS = {name: made for name, made in services().items() if "build" in made}


def checked(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_what_its_specification_says() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    checked(sys.executable, "-m", "check_jsonschema", *schema, str(COMPOSE))


@pytest.mark.skipif(sys.platform != "linux", reason="hadolint is installed on Linux alone")
def test_the_dockerfile_has_nothing_that_its_linter_knows_better() -> None:
    checked(str(Path(sys.executable).with_name("hadolint")), str(DOCKERFILE))


def test_there_are_two_of_either_side_and_of_relays() -> None:
    roles = [made["command"][0] for made in OURS.values()]
    assert {role: roles.count(role) for role in SETTINGS} == {
        "command": 2,
        "projection": 2,
        "relay": 2,
        "topics": 1,
        "usage-consumer": 1,
    }


@pytest.mark.parametrize("name", OURS)
def test_each_process_is_one_that_starts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that exists, with settings that exist and suffice."""
    role = OURS[name]["command"][0]
    assert role in {command.name for command in app.registered_commands}
    for variable, value in {**image_environment(), **OURS[name]["environment"]}.items():
        monkeypatch.setenv(variable, value)
    settings = SETTINGS[role]()
    known = {f"TEAMLEDGER_{field.upper()}" for field in type(settings).model_fields}
    told = {v for v in OURS[name]["environment"] if v.startswith("TEAMLEDGER_")}
    assert told <= known
    assert settings.kafka_bootstrap == ("kafka:9092",)


def image_environment() -> dict[str, str]:
    """What the image sets."""
    pairs = re.findall(
        r"^(?:ENV| {3}) (TEAMLEDGER_\w+)=(\S+)", DOCKERFILE.read_text(), re.MULTILINE
    )
    assert pairs
    return dict(pairs)


def test_whoever_waits_waits_for_somebody() -> None:
    """And for a health that is looked at, or an end that comes."""
    everybody = services()
    for made in everybody.values():
        for name, wanted in made.get("depends_on", {}).items():
            ends = wanted["condition"] == "service_completed_successfully"
            assert everybody[name]["restart"] == ("on-failure" if ends else "unless-stopped")
            looked_at = "build" in everybody[name] or "healthcheck" in everybody[name]
            assert ends or looked_at


def test_the_router_knows_every_process_of_either_side() -> None:
    upstreams = (DEPLOY / "router/compose/upstreams.conf").read_text()
    sides = [n for n, made in OURS.items() if made["command"][0] in {"command", "projection"}]
    assert list(dict.fromkeys(_SERVER.findall(upstreams))) == sides
    addresses = dict(entry.split("=") for entry in services()["router"]["extra_hosts"])
    told = {name: OURS[name]["networks"]["default"]["ipv4_address"] for name in sides}
    assert addresses == told


def test_processes_believe_the_router_and_nobody_else() -> None:
    router = services()["router"]["networks"]["default"]["ipv4_address"]
    for made in OURS.values():
        assert made["environment"].get("FORWARDED_ALLOW_IPS", router) == router


def test_what_an_operator_gives_is_in_the_example() -> None:
    example = (DEPLOY / ".env.example").read_text()
    named = re.findall(r"^(\w+)=", example, re.MULTILINE)
    assert set(_VARIABLE.findall(COMPOSE.read_text())) == set(named) == set(GIVEN)
    assert "$" not in _VARIABLE.sub("", COMPOSE.read_text())
