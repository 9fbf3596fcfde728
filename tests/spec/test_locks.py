"""Whoever is alone at something by a lock of the database keeps nobody from anything else."""

import re
from collections import Counter
from pathlib import Path

import services

NUMBER = re.compile(r"^_?[A-Z_]*LOCK = (\d+)$", re.MULTILINE)
IN_SQL = re.compile(r"pg_advisory_xact_lock\((\d+)\)")


def _numbers(files: str, written: re.Pattern[str]) -> Counter[str]:
    found = Counter[str]()
    for file in Path(services.__path__[0]).rglob(files):
        found.update(written.findall(file.read_text(encoding="utf-8")))
    return found


def test_every_lock_has_a_number_of_its_own() -> None:
    ours = _numbers("*.py", NUMBER)
    assert len(ours) > 3
    assert [number for number, times in ours.items() if times > 1] == []
    assert not ours.keys() & _numbers("*.sql", IN_SQL).keys()
