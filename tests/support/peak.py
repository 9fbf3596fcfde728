"""The memory that a process took at most, whatever its parent held."""

import sys
from pathlib import Path

# What a parent held at the fork counts as its child's peak: this one holds little.
LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(process.pid, 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def weighed(arguments: list[str], peak: Path) -> list[str]:
    """What to execute instead: it ends as `arguments` do, their peak being left in a file."""
    return [sys.executable, "-S", "-c", LAUNCHER, str(peak), *arguments]


def peak_bytes(peak: Path) -> int:
    """The peak of what `weighed` ran, after its end."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * int(peak.read_text())
