"""LiteLLM's own client, in a virtual environment of its own: its dependencies are not ours.

`python -m tests.clients.environment` (`make clients`) builds it; once built it costs nothing.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("litellm.lock")
PLACE = Path(__file__).parents[2] / ".venv-clients"
PYTHON = PLACE / "bin" / "python"
COMMAND = PLACE / "bin" / "litellm-proxy"
SECONDS = 540


class NotBuiltError(Exception):
    """Why there is no environment, in the words of whoever failed."""


def build() -> Path:
    """The Python that has LiteLLM; built unless it stands and is what the lock says."""
    stamp = PLACE / f".built-{_checksum()}"
    if stamp.exists():
        return PYTHON
    if PLACE.exists():
        shutil.rmtree(PLACE)
    _run(sys.executable, "-m", "venv", str(PLACE))
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--no-compile", "--require-hashes", "-r", str(LOCK))
    stamp.touch()
    return PYTHON


def _checksum() -> str:
    return hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotBuiltError(str(error)) from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        said = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise NotBuiltError(f"exit status {done.returncode}: {' '.join(said[:1])}")


if __name__ == "__main__":
    try:
        build()
    except NotBuiltError as error:
        sys.exit(f"LiteLLM's client cannot be installed: {error}")
