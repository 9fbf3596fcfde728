"""`python -m tests.benchmarks.backup`: how long a backup of a long history takes, and its return.

Exit code 0: measured, and what was restored is served whole; 2: it could not be, and why.
"""

import json as jsonlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from tests.benchmarks.bulk import write
from tests.benchmarks.history import teams_in
from tests.benchmarks.processes import BenchmarkError, workspace
from tests.benchmarks.startup import Start, measure_start, seed_events
from tests.support.peak import peak_bytes, weighed

MIB = 1024 * 1024


class Step(BaseModel):
    """One command from its start to its end; `peak` is its own memory in bytes, no database's."""

    model_config = ConfigDict(frozen=True)
    seconds: float
    peak: int


class BackupReport(BaseModel):
    """`rebuild_seconds` is the part of `restore` that made the read models; `start` is after it."""

    model_config = ConfigDict(frozen=True)
    events: int
    archive_bytes: int
    backup: Step
    check: Step
    restore: Step
    rebuild_seconds: float
    start: Start


def measured(data: Path, *arguments: str) -> tuple[Step, str]:
    """Run `teamledger` on a data directory; what it took and put out.

    Raises BenchmarkError with what it said of a failure.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TEAMLEDGER_")}
    environment["TEAMLEDGER_DATA_DIR"] = str(data)
    said, peak = data.parent / "said", data.parent / "peak"
    command = [sys.executable, "-m", "services.cli.main", *arguments]
    line = weighed(command, peak)
    began = time.perf_counter()
    with said.open("wb") as errors:
        ended = subprocess.run(
            line, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, check=False
        )
    seconds = time.perf_counter() - began
    if ended.returncode:
        text = said.read_text(errors="replace")[-2000:]
        raise BenchmarkError(f"teamledger {' '.join(arguments)} failed: {text}")
    return Step(seconds=seconds, peak=peak_bytes(peak)), ended.stdout


def measure(events: int, directory: Path | None) -> BackupReport:
    """Seed, back up, check, lose everything but the keys, restore, serve."""
    with ExitStack() as stack:
        place = stack.enter_context(workspace(directory))
        data, back, archive = place / "data", place / "back", place / "ledger.zip"
        seed_events(events, data, write)
        measured(data, "rebuild")  # opens the vault, as the service would have
        backup, _ = measured(data, "backup", str(archive))
        check, _ = measured(data, "restore", "--check", str(archive))
        back.mkdir(mode=0o755)
        shutil.copytree(data / "secrets", back / "secrets")
        shutil.rmtree(data)
        restore, told = measured(back, "restore", "--json", str(archive))
        start = measure_start(None, back, f"sk-{secrets.token_hex(16)}", teams_in(events))
        return BackupReport(
            events=events,
            archive_bytes=archive.stat().st_size,
            backup=backup,
            check=check,
            restore=restore,
            rebuild_seconds=jsonlib.loads(told)["rebuild_seconds"],
            start=start,
        )


def main(
    events: Annotated[int, typer.Option(min=1, max=100_000_000)] = 1_000_000,
    json: Annotated[Path | None, typer.Option(help="Also write the report here.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where data directories are made; not a memory disk.")
    ] = None,
) -> None:
    """Measure `teamledger backup` and `restore` on a long history."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that child processes are ended
    console = Console(highlight=False)
    try:
        report = measure(events, directory)
    except BenchmarkError as error:
        console.print(f"benchmark: {error}", markup=False, style="red")
        raise typer.Exit(2) from error
    console.print(f"{events} events, archive of {report.archive_bytes / MIB:.0f} MiB")
    steps = {
        "backup": report.backup,
        "restore --check": report.check,
        "restore": report.restore,
    }
    for name, step in steps.items():
        console.print(f"{name}: {step.seconds:.1f} s, {step.peak / MIB:.0f} MiB at most")
    console.print(f"of which read models: {report.rebuild_seconds:.1f} s")
    console.print(f"start after it: ready after {report.start.ready:.2f} s")
    if json is not None:
        json.write_text(report.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
