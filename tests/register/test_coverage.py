"""Every entry of the register has a test here, or a reason why it is still open."""

import ast
import re
from pathlib import Path

REGISTER = {
    f"d{number:02}" for number in (*range(1, 47), *range(50, 55), *range(60, 68))
}  # team-api.md, chapter 5

SPEND = "needs spend"
OPEN = {"d40": SPEND, "d41": SPEND, "d42": SPEND}
"""In part open, though tested: D43 for what members spend, D53 and D54 for the reports and tables
of spend."""


def covered() -> dict[str, list[str]]:
    """Names of tests by entry."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(__file__).parents[1].rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for entry in re.findall(r"(?<=test_)d\d\d(?=_)|(?<=_)d\d\d(?=_)", node.name):
                    found.setdefault(entry, []).append(f"{path.stem}::{node.name}")
    return found


def test_every_entry_is_tested_or_open_for_a_reason() -> None:
    tested = set(covered())
    assert REGISTER - tested - OPEN.keys() == set(), "neither tested nor open"
    assert tested & OPEN.keys() == set(), "tested, and no longer open"
    assert (tested | OPEN.keys()) - REGISTER == set(), "no entry of the register"
