"""What somebody did to budgets, spend, usage that waited and names, and what was imported."""

from events import audit, budget, dead_letters, imported, quarantine, reservation, spend
from services.projection.history.sentences.wording import (
    Phrases,
    Told,
    joined,
    listed,
    moment,
    pace,
    quoted,
    spending,
    usd,
)


def budget_created(event: budget.BudgetCreated, told: Told) -> str:
    made = f"created the budget {quoted(told.identity)}"
    return joined([made, *spending(budget.BudgetSettings(), event.settings)], "")


def budget_changed(event: budget.BudgetChanged, told: Told) -> str:
    parts = [*spending(event.before, event.after), *pace(event.before, event.after)]
    return joined(parts, f"changed the budget {quoted(told.identity)}")


def budget_deleted(_: budget.BudgetDeleted, told: Told) -> str:
    return f"deleted the budget {quoted(told.identity)}"


def spend_opened(event: spend.SpendOpened, _: Told) -> str:
    return f"brought along {usd(event.amount)} spent until {moment(event.as_of)}"


def spend_reset(event: spend.SpendReset, told: Told) -> str:
    whose = "" if event.user_id is None else f" of {told.teller.person(event.user_id)}"
    why = "" if event.reason is None else f", because of {quoted(event.reason)}"
    return f"reset the spend{whose} from {usd(event.before)} to {usd(event.amount)}{why}"


def all_spend_reset(event: spend.SpendResetEverywhere, _: Told) -> str:
    why = "" if event.reason is None else f", because of {quoted(event.reason)}"
    return f"reset the spend of every {' and every '.join(event.kinds)}{why}"


def booked(event: quarantine.QuarantineBooked, _: Told) -> str:
    return f"had the call {_call(event.waited)} booked as of {moment(event.started_at)}"


def discarded(event: quarantine.QuarantineDiscarded, _: Told) -> str:
    return f"discarded the call {_call(event.waited)}"


def replayed(event: dead_letters.DeadLettersReplayed, told: Told) -> str:
    return f"had {len(event.letters)} dead letters of {quoted(told.identity)} replayed"


def exported(event: audit.AuditExported, _: Told) -> str:
    what = "leaves of the log" if event.form == "proof" else f"entries as {event.form}"
    chosen = f", chosen by {listed(list(event.filters))}" if event.filters else ""
    return f"exported {event.entries} {what}{chosen}"


def archived(event: audit.AuditArchived, _: Told) -> str:
    return f"archived {event.leaves} leaves of the log, sealed before {moment(event.before)}"


def reviewed(event: audit.AccessReviewed, _: Told) -> str:
    whose = "" if event.organizations is None else f" of {listed(event.organizations)}"
    lines = f"{event.entries} {'line' if event.entries == 1 else 'lines'}"
    return f"reviewed who could do what{whose} at {moment(event.as_of)}, in {lines} of {event.form}"


def reserved(event: reservation.NameReserved, told: Told) -> str:
    return f"took the name for {told.teller.person(event.holder)}"


def released(event: reservation.NameReleased, told: Told) -> str:
    return f"gave the name back that {told.teller.person(event.holder)} had"


def was_imported(event: imported.ThingImported, _: Told) -> str:
    return f"imported it from {event.source} ({listed([event.table, event.id])})"


def _call(waited: quarantine.Waited) -> str:
    return f"{quoted(waited.request_id)} that {quoted(waited.source)} reported"


PHRASES: Phrases = {
    budget.BudgetCreated: budget_created,
    budget.BudgetChanged: budget_changed,
    budget.BudgetDeleted: budget_deleted,
    spend.SpendOpened: spend_opened,
    spend.SpendReset: spend_reset,
    spend.SpendResetEverywhere: all_spend_reset,
    quarantine.QuarantineBooked: booked,
    quarantine.QuarantineDiscarded: discarded,
    dead_letters.DeadLettersReplayed: replayed,
    audit.AuditExported: exported,
    audit.AuditArchived: archived,
    audit.AccessReviewed: reviewed,
    reservation.NameReserved: reserved,
    reservation.NameReleased: released,
    imported.ThingImported: was_imported,
}
