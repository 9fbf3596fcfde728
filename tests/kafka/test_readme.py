"""The README's walk through a deployment, followed command by command in one shell."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.database.embedded import EmbeddedServer
from services.database.programs import installed_programs
from tests.e2e.readme_session import README, steps_of
from tests.support.broker import free_ports, require_kafka
from tests.support.postgres import open_directory
from tests.support.router import ROUTER, require_nginx

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
NEEDED = [tool for tool in ("bash", "curl", "jq", "openssl") if shutil.which(tool) is None]
MARK = "-- the next command --"
SHOWN = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENDED = re.compile(rf"(.*?)(\d+) {MARK}\n", re.DOTALL)
SECONDS = 240


def walk() -> list[tuple[str, str]]:
    """Its commands with the output shown below each."""
    found = re.search(r"<!-- walk.*?<!-- end of walk -->", README.read_text(), re.DOTALL)
    assert found is not None
    return [step for shown in SHOWN.findall(found[0]) for step in steps_of(shown)]


@pytest.fixture
def databases(postgres_server: EmbeddedServer) -> Iterator[str]:
    """The server's address as far as names of databases; those of the walk are dropped."""
    user, _, rest = postgres_server.conninfo().partition("@/")
    place = dict(part.split("=") for part in rest.partition("?")[2].split("&"))
    yield f"{user}@{place['host']}:{place['port']}"
    with psycopg.connect(postgres_server.conninfo(), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS events WITH (FORCE)")
        admin.execute("DROP DATABASE IF EXISTS reads WITH (FORCE)")


@pytest.mark.skipif(bool(NEEDED), reason=f"not installed: {', '.join(NEEDED)}")
def test_the_walk_of_the_readme_leads_where_it_says(databases: str) -> None:
    """On other ports and in another directory than the README's, and nothing else is changed."""
    require_kafka()
    require_nginx()
    steps = walk()
    with open_directory() as parent:
        shutil.copytree(ROUTER, parent / "router")
        places = elsewhere(databases, parent)
        for path in (parent / "router/site").iterdir():
            path.write_text(replaced(path.read_text(), places))
        script = "".join(f"{command}\necho $? '{MARK}'\n" for command, _ in steps)
        told = followed(replaced(script, places))
    assert len(steps) >= 20
    for (command, shown), (output, status) in zip(steps, told, strict=True):
        assert (command, status) == (command, 0)
        assert not shown or (command, output) == (command, shown)


def elsewhere(server: str, parent: Path) -> dict[str, str]:
    """What the README names, and what it is here."""
    first = free_ports(8)
    ports = {f"400{n}": str(first + n) for n in range(7)}
    return {
        "postgresql://postgres:secret@127.0.0.1:5432": server,
        "/var/tmp/teamledger-try": str(parent),
        "$PWD/deploy/router": str(parent / "router"),
        **ports,
        "127.0.0.1:9092": f"127.0.0.1:{first + 7}",
        "up $TRY/kafka": f"up $TRY/kafka 1 {first + 7}",
    }


def replaced(text: str, places: dict[str, str]) -> str:
    return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)


def followed(script: str) -> list[tuple[str, int]]:
    """The output of each command and its status; whatever is left running is ended."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TEAMLEDGER_")}
    programs = f"{installed_programs().folder}:{env['PATH']}:/usr/sbin"
    shell = subprocess.Popen(
        ["bash"],
        cwd=README.parent,
        env=env | {"PATH": programs},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told, _ = shell.communicate(script, timeout=SECONDS)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    return [(output, int(status)) for output, status in ENDED.findall(told)]
