"""What the command loop counts of commands and batches (docs/operations/metrics.md)."""

import time
from collections.abc import Sequence

from services import metrics
from services.command.application.plan import REFUSALS, Plan
from services.command.application.requests import Done, Request, Terms, Unavailable


def answered(done: Done, terms: Terms, began: float) -> None:
    """A command that was accepted; `began` by `time.monotonic`."""
    metrics.COMMANDS.labels(_outcome(done, terms)).inc()
    metrics.COMMAND_SECONDS.observe(time.monotonic() - began)


def refused(error: Exception) -> None:
    """A command that was not."""
    match error:
        case Unavailable():
            outcome = "unavailable"
        case _ if isinstance(error, REFUSALS):
            outcome = "refused"
        case _:
            outcome = "failed"
    metrics.COMMANDS.labels(outcome).inc()


def settled(batch: Sequence[Request], plan: Plan, began: float) -> None:
    """A batch that was decided, and stored where it says anything; `began` by `time.monotonic`."""
    metrics.COMMAND_BATCH.observe(len(batch))
    metrics.COMMIT_SECONDS.observe(time.monotonic() - began)
    if rows := plan.batch.rows:
        metrics.COMMAND_EVENTS.observe(len(rows))


def _outcome(done: Done, terms: Terms) -> str:
    if done.replayed:
        return "replayed"
    if terms.dry_run:
        return "rehearsed"
    return "accepted" if done.facts else "unchanged"
