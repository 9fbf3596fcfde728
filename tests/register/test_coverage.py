"""Every entry of the registers and every row of the matrix has a test here, or is still open."""

import ast
import re
from pathlib import Path

from tests.register.matrix import MATRIX

DEFECTS = {f"d{n:02}" for n in (*range(1, 47), *range(50, 55), *range(60, 68))}  # team-api.md 5
AUTHORIZATION = {f"a{n:02}" for n in range(1, 13)}  # auth.md 9
SUPPORTING = {f"s{n:02}" for n in range(1, 20)}  # supporting-api.md 8
REGISTERS = DEFECTS | AUTHORIZATION | SUPPORTING | MATRIX.keys()

ENTRY = re.compile(r"_([adms]\d\d)(?=_)")
OPEN: dict[str, str] = {}
"""Entries without a test, and why."""


def covered() -> dict[str, list[str]]:
    """Names of tests by entry."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(__file__).parents[1].rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for entry in ENTRY.findall(node.name):
                    found.setdefault(entry, []).append(f"{path.stem}::{node.name}")
    return found


def test_every_entry_is_tested_or_open_for_a_reason() -> None:
    tested = set(covered())
    assert REGISTERS - tested - OPEN.keys() == set(), "neither tested nor open"
    assert tested & OPEN.keys() == set(), "tested, and no longer open"
    assert (tested | OPEN.keys()) - REGISTERS == set(), "no entry of a register"
