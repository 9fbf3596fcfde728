"""What LiteLLM answered is what we answer, but for the registered deviations."""

from collections.abc import Callable
from typing import Protocol

import pytest

from tests.contract.cases import MASTER_KEY
from tests.contract.replay import REPLAYED, replay, summary


class RunningService(Protocol):
    """What this test needs to know of a service process."""

    @property
    def base_url(self) -> str:
        """Where it listens, as http://127.0.0.1:PORT."""


def test_every_recorded_answer_is_given_or_its_deviation_is_registered(
    start_service: Callable[[dict[str, str]], RunningService],
    record_property: Callable[[str, object], None],
) -> None:
    service = start_service({"TEAMLEDGER_MASTER_KEY": MASTER_KEY})

    outcomes = replay(service.base_url)

    record_property(REPLAYED, "\n".join(summary(outcomes)))
    problems = [f"{outcome.case}: {text}" for outcome in outcomes for text in outcome.problems]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
