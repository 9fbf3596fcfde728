"""The proofs under /v1/proof."""

from collections.abc import Mapping

from services.edge.openapi.answers.proof import Checkpoint, Consistency, Inclusion
from services.edge.openapi.operation import Operation
from services.projection.api.described.common import read
from services.projection.api.routes.proof import no_such_trees, not_sealed, one_of_both
from services.proof.log import EVENTS

_LEAF = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
_ROOT = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
_NAME = "teamledger/7c1f6d0e-6f0b-4f58-9d6c-2f4f9e0f3a51"
_BEYOND = 10**9

POSTS: Mapping[str, Operation] = {}

OPERATIONS: Mapping[str, Operation] = {
    "/v1/proof/checkpoint": read(
        "/v1/proof/checkpoint",
        "get_checkpoint",
        Checkpoint,
        example={
            "size": 1,
            "note": f"{_NAME}\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n"
            "events 1\nusage 0\nepoch 0b5e6f0a-3f3e-4f3c-8b0d-0d5c0f6f5f5e\n"
            f"time 2026-11-26T07:00:00.000000Z\n\n— {_NAME} kq5M3A==\n",
            "verifier": f"{_NAME}+92ae4cdc+AW0=",
        },
    ),
    "/v1/proof/inclusion": read(
        "/v1/proof/inclusion",
        "prove_inclusion",
        Inclusion,
        query={"position": 1},
        example={"leaf_index": 0, "leaf_hash": _LEAF, "size": 2, "root": _ROOT, "path": [_LEAF]},
        refusals={
            "one_of_both": one_of_both(),
            "not_sealed": not_sealed(EVENTS, _BEYOND),
        },
    ),
    "/v1/proof/consistency": read(
        "/v1/proof/consistency",
        "prove_consistency",
        Consistency,
        query={"from_size": 1},
        example={
            "from_size": 1,
            "from_root": _LEAF,
            "to_size": 2,
            "to_root": _ROOT,
            "path": [_LEAF],
        },
        refusals={"no_such_trees": no_such_trees()},
    ),
}
