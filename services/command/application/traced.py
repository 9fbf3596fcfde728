"""The spans of commands: of each in the trace of its request, and of the batch they shared."""

from collections.abc import Sequence

from services import tracing
from services.command.application.plan import Plan
from services.command.application.requests import Request
from services.tracing import MOST_MARKS, Place, Span, Value


def settled(batch: Sequence[Request], plan: Plan, began: int) -> None:
    """A batch that was decided and, where it says anything, stored; `began` by `tracing.now`.

    A request alone in its batch has it in its own trace. Of several, each is linked to the batch.
    """
    if not tracing.active():
        return
    ended = tracing.now()
    links = [each.trace for each in batch[:MOST_MARKS] if each.trace is not None]
    alone = links[0] if len(batch) == 1 and links else None
    told: dict[str, Value] = {
        "teamledger.commands": len(batch),
        "teamledger.events": len(plan.batch.rows),
    }
    span = Span("commit batch", "internal", began, ended, alone, links=links, attributes=told)
    place = tracing.record(span)
    if plan.appended is not None and place is not None:
        about: dict[str, Value] = {"db.system.name": "postgresql"}
        tracing.record(Span("append", "client", *plan.appended, place, attributes=about))
    for request in plan.decided[:MOST_MARKS]:
        _decided(request, plan, place)


def _decided(request: Request, plan: Plan, batch: Place | None) -> None:
    """The command, and where an event of its own stands for whoever follows the log."""
    done = request.done
    facts = () if done is None else done.facts
    told: dict[str, Value] = {"teamledger.command": request.command.name}
    told["teamledger.events"] = len(facts)
    linked = () if batch is None else (batch,)
    parent, ended = request.trace, tracing.now()
    of_command = tracing.record(
        Span(request.command.name, "internal", request.came, ended, parent, None, linked, told)
    )
    if not facts or plan.appended is None or not (correlation := facts[0].meta.correlation_id):
        return
    place = tracing.derived(correlation, facts[0].event_id)
    same = of_command is not None and of_command.trace == place.trace
    others = () if same or of_command is None else (of_command,)
    within = of_command if same else None
    about: dict[str, Value] = {"teamledger.event": facts[0].event.type_name}
    about["teamledger.position"] = facts[0].position
    tracing.record(Span("record", "internal", *plan.appended, within, place, others, about))
