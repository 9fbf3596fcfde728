"""The proof of the ledger (decision 010)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from services.edge.openapi.answers.reconcile import Reconciliation as Answer
from services.edge.openapi.callers import TEAM
from services.edge.openapi.operation import Operation
from services.projection.api.described.common import read
from services.projection.api.reconciliation import reconciliation
from services.spend.comparisons import COMPARISONS
from services.spend.reconcile import KINDS, QUARTER, Book, Difference, Reconciliation, Total

_SUMS = Total(3, Decimal("0.0000405"), 90)
_WRONG = Total(1, Decimal("0.0000406"), 90)
_EXAMPLE = Reconciliation(
    position=3,
    total=_SUMS,
    books=[Book(kind, _SUMS, _WRONG if kind == "team" else _SUMS) for kind in (QUARTER, *KINDS)],
    counted={among: int(among == "days") for among in COMPARISONS},
    differences=[
        Difference(
            among="days",
            of={
                "day": "2026-03-11",
                "kind": "team",
                "id": TEAM,
                "incarnation": 1,
                "member": None,
                "account": 2,
            },
            by_records={"cost": "0.0000405", "tokens": 90, "requests": 3},
            kept={"cost": "0.0000406", "tokens": 90, "requests": 3},
        )
    ],
)

OPERATIONS: Mapping[str, Operation] = {
    "/v1/reconcile": replace(
        read("/v1/reconcile", "reconcile", Answer, example=reconciliation(_EXAMPLE)), headers=()
    ),
}
