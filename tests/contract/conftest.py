"""Shows in the test output how much of the recorded contract was compared, and against what."""

from collections.abc import Iterator

import pytest

from tests.contract.replay import REPLAYED


def _summaries(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                yield from (
                    str(value) for name, value in report.user_properties if name == REPLAYED
                )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The summary of each replay: counts, register ids, every call that levelled."""
    for text in _summaries(terminalreporter):
        terminalreporter.section(REPLAYED)
        terminalreporter.write_line(text)
