"""The curl session of the README: run as a reader would, compared, and written anew.

`python -m tests.e2e.readme_session` puts what a fresh service answers into README.md.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.postgres import open_directory
from tests.support.service import launch

README = Path(__file__).parents[2] / "README.md"
KEY = "sk-1234-readme"
_BLOCK = re.compile(
    r"(<!-- session.*?-->\n```console\n)(.*?)(```\n<!-- end of session -->)", re.DOTALL
)
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "<time>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}"), "<id>"),
)


def session() -> list[tuple[str, str]]:
    """Commands of the README with the output printed below each."""
    found = _BLOCK.search(README.read_text())
    if found is None:
        raise LookupError("README.md has no session")
    return steps_of(found.group(2))


def steps_of(shown: str) -> list[tuple[str, str]]:
    """Commands as they are typed behind `$`, with the output shown below each."""
    steps: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        length = next(i for i, line in enumerate(lines, 1) if not line.endswith("\\\n"))
        steps.append(("".join(lines[:length]), "".join(lines[length:])))
    return steps


def run(commands: list[str], base_url: str, key: str) -> list[str]:
    """The output of each command, against a service elsewhere than the README says."""
    shell = shutil.which("sh") or "/bin/sh"
    env = {**os.environ, "KEY": key}
    outputs: list[str] = []
    for command in commands:
        text = command.replace("http://127.0.0.1:4000", base_url)
        done = subprocess.run([shell, "-c", text], env=env, capture_output=True, check=True)
        outputs.append(done.stdout.decode())
    return outputs


def normalised(text: str) -> str:
    """Times and generated ids are different every time."""
    for pattern, placeholder in _VARYING:
        text = pattern.sub(placeholder, text)
    return text


def write() -> None:
    """Run the session against a fresh service and put the answers into the README."""
    commands = [command for command, _ in session()]
    with open_directory() as parent:
        env = {"TEAMLEDGER_DATA_DIR": str(parent / "data"), "TEAMLEDGER_MASTER_KEY": KEY}
        service = launch(env, Path(tempfile.mkdtemp()) / "log")
        try:
            service.wait_until_ready()
            outputs = run(commands, service.base_url, KEY)
        finally:
            service.stop()
    text = "".join(f"$ {c}{o}" for c, o in zip(commands, outputs, strict=True))
    README.write_text(_BLOCK.sub(lambda m: m.group(1) + text + m.group(3), README.read_text()))


if __name__ == "__main__":
    write()
