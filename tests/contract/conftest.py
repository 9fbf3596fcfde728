"""Shows in the test output how much of the recorded contract was compared."""

from collections.abc import Iterator

import pytest

from tests.contract.pending import PENDING
from tests.contract.replay import REPLAYED


def _counts(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                yield from (
                    str(value) for name, value in report.user_properties if name == REPLAYED
                )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line of counts, then every pending case with its reason."""
    for line in _counts(terminalreporter):
        terminalreporter.section(REPLAYED)
        terminalreporter.write_line(line)
        for _, pending in sorted(PENDING.items()):
            terminalreporter.write_line(f"  pending: {pending.case}: {pending}")
