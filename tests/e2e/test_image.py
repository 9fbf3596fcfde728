"""What deploy/Dockerfile runs to build the image, run here: what it leaves starts by itself."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import open_directory
from tests.support.service import MASTER_KEY, START_SECONDS, free_port

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
INSTALLED = "/opt/teamledger"


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, a line each."""
    text = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def build(source: Path, installed: Path) -> None:
    """Do in `source` what the first stage does; `installed` stands for where it installs."""
    stages = [n for n, (name, _) in enumerate(instructions()) if name == "FROM"]
    python = {"python -m venv": f"{sys.executable} -m venv", INSTALLED: str(installed)}
    for name, rest in instructions()[: stages[1]]:
        if name == "COPY":
            *copied, _ = rest.split()
            for each in copied:
                copy(each, source)
        elif name == "RUN":
            command = re.sub("|".join(python), lambda found: python[found[0]], rest)
            subprocess.run(["sh", "-ec", command], cwd=source, check=True)


def copy(name: str, target: Path) -> None:
    """As Docker does with .dockerignore: without what Python left."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert f"!{name}" in ignored
    if (ROOT / name).is_dir():
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, target / name, ignore=leave)
    else:
        shutil.copy(ROOT / name, target)


def said(name: str) -> list[str]:
    """The arguments of an instruction in JSON form."""
    [rest] = [rest for each, rest in instructions() if each == name]
    return [part.strip(",") for part in shlex.split(rest[rest.index("[") + 1 : rest.rindex("]")])]


def test_the_image_serves_and_tells_that_it_does() -> None:
    """Without the checkout and without what installs packages."""
    with open_directory() as parent:
        (parent / "src").mkdir()
        build(parent / "src", parent / "installed")
        shutil.rmtree(parent / "src")
        programs = parent / "installed/bin"
        assert not list(programs.glob("pip*"))
        env = {
            "PATH": f"{programs}:{os.defpath}",
            "TEAMLEDGER_PORT": str(free_port()),
            "TEAMLEDGER_HOST": "0.0.0.0",
            "TEAMLEDGER_MASTER_KEY": MASTER_KEY,
            "TEAMLEDGER_DATA_DIR": str(parent / "data"),
        }
        serving = subprocess.Popen([programs / "teamledger", *said("CMD")], cwd=parent, env=env)
        try:
            assert healthy(env)
        finally:
            serving.terminate()
            assert serving.wait(timeout=30) == 0


def healthy(env: dict[str, str]) -> bool:
    """Whether the health check of the image succeeds before long, asked as Docker asks it."""
    health = said("HEALTHCHECK")
    asked = (
        f"for n in $(seq {START_SECONDS}); do {shlex.join(health)} && exit; sleep 1; done; exit 1"
    )
    done = subprocess.run(["sh", "-c", asked], env=env, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0
