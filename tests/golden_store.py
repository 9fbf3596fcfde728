"""Golden stores: `python -m tests.golden_store` dumps one as this build would leave it.

A file `tests/golden_stores/e<event migrations>-r<read migrations>.sql.gz` is a database that some
release has left: the schemas as its migrations had made them, and its golden facts in a plausible
order. It is never written again. Every later release has to bring it up to date and replay it.
"""

import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import orjson
import psycopg

from events.spend import EVERYWHERE
from events.streams import kind_and_id, stream
from events.values import timestamp
from services.database.connections import owner_conninfo
from services.database.migrations import migrate, read_migrations
from services.database.programs import installed_programs
from services.database.service_role import ensure_service_role
from services.proof.leaf import StoredRow
from tests.golden import EXAMPLES, GOLDEN
from tests.support.eventlog import MIGRATIONS, START
from tests.support.postgres import open_directory, running_server

STORES = Path(__file__).parent / "golden_stores"
_FIRST = ("budget.created", "organization.created", "user.created", "team.created", "key.generated")
_LAST = (
    *("key.rotated", "key.deleted", "key.restored"),
    *("team.deleted", "team.restored", "team.members_restored"),
    *("organization.deleted", "budget.deleted", "user.deleted", "user.forgotten"),
)
_EXAMPLES = [fact.type_name for _, fact in EXAMPLES]


def golden_history(golden: Path = GOLDEN) -> list[StoredRow]:
    """Every golden file of a folder as a row of one log, as its release had stored it.

    Things are made, changed and ended, once for each version that any fact ever had; a fact with
    fewer versions is repeated in its newest. Nothing but the place of a fact is not as in its file.
    """
    versions: Counter[str] = Counter()
    rows: list[StoredRow] = []
    for lap in range(1, _laps(golden) + 1):
        for topic in _plausible(path.name for path in golden.iterdir()):
            found = orjson.loads(_newest(golden / topic, lap).read_bytes())
            name = _of_lap(found["stream"], lap)
            versions[name] += 1
            rows.append(_row(found, name, versions[name], len(rows) + 1))
    return rows


def append_golden(url: str, rows: Sequence[StoredRow]) -> None:
    """Put the rows into an empty store, whatever its release."""
    with psycopg.connect(owner_conninfo(url)) as conn, conn.cursor() as cursor:
        columns = "originator_id, originator_version, notification_id, topic, state"
        with cursor.copy(f"COPY events.stored_events ({columns}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)


def load_dump(url: str, dump: Path) -> None:
    """Bring the database of a dump back into an empty one."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        ensure_service_role(conn)
    psql = str(installed_programs().folder / "psql")
    command = [psql, "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    subprocess.run(command, input=gzip.decompress(dump.read_bytes()), check=True)


def write(migrations: Path, golden: Path, folder: Path = STORES) -> Path:
    """Dump a store of these migrations and facts, unless there is one; where it is."""
    counts = [len(read_migrations(migrations / name)) for name in ("events", "read")]
    target = folder / "e{:04d}-r{:04d}.sql.gz".format(*counts)
    if target.exists():
        return target
    with open_directory() as parent, running_server(parent / "data") as server:
        url = server.conninfo()
        migrate(url, migrations / "events", schema="ops")
        migrate(url, migrations / "read", schema="read")
        append_golden(url, golden_history(golden))
        schemas = [f"--schema={name}" for name in ("events", "ops", "usage", "read")]
        text = installed_programs().run("pg_dump", "--no-owner", *schemas, url)
    folder.mkdir(exist_ok=True)
    target.write_bytes(gzip.compress(text.encode(), mtime=0))
    return target


def _laps(golden: Path) -> int:
    return max(int(path.stem[1:]) for path in golden.glob("*/v*.json"))


def _newest(folder: Path, version: int) -> Path:
    return max(p for p in folder.glob("v*.json") if int(p.stem[1:]) <= version)


def _plausible(topics: Iterator[str]) -> list[str]:
    def place(topic: str) -> tuple[int, int]:
        if topic in _FIRST:
            return 0, _FIRST.index(topic)
        return (2, _LAST.index(topic)) if topic in _LAST else (1, _EXAMPLES.index(topic))

    return sorted(topics, key=place)


def _of_lap(name: str, lap: int) -> str:
    kind, identity = kind_and_id(name)
    return name if lap == 1 or name == EVERYWHERE else stream(kind, f"{identity}-{lap}")


def _row(found: dict[str, object], name: str, version: int, position: int) -> StoredRow:
    state = found["state"]
    if not isinstance(state, dict):
        raise TypeError("a golden file without a state")
    own = {
        "id": f"0195{position:028x}",
        "at": timestamp(START + timedelta(seconds=position)),
        "inc": 1,
        "n": [0, 1],
        "meta": {**state["meta"], "command_id": f"command-{position}"},
    }
    return StoredRow(name, version, position, str(found["topic"]), orjson.dumps({**state, **own}))


if __name__ == "__main__":
    sys.stdout.write(f"{write(MIGRATIONS, GOLDEN)}\n")
