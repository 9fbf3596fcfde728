"""Proof that the log was only ever appended to: checkpoints, inclusion, consistency (decision 013).

Hashes are hexadecimal. What is answered is believed by nobody who verifies it.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.edge.body import answer
from services.edge.errors import Problem
from services.projection.api.asked import Asked, asked, documented
from services.projection.api.dependencies import POSITION_HEADER, ReaderDep, ReadRoute
from services.projection.seal.tree_store import TreeStore
from services.proof.log import EVENTS, USAGE

router = APIRouter(route_class=ReadRoute, tags=["proof"], prefix="/v1/proof")
_BIGGEST = 2**62
_Count = Annotated[int, Field(ge=1, le=_BIGGEST)]
_NOT_FOUND = "Not Found"


class InclusionQuery(Asked):
    """The position of an event, or of a record of usage: one of them.

    `tree_size` is that of the tree to prove it for, as a checkpoint told it; by default of the
    newest checkpoint.
    """

    position: _Count | None = None
    usage_position: _Count | None = None
    tree_size: _Count | None = None


class ConsistencyQuery(Asked):
    """Sizes of two trees, as checkpoints told them: by default the first leaf and the newest."""

    from_size: _Count = 1
    to_size: _Count | None = None


@router.get("/checkpoint")
async def newest_checkpoint(reader: ReaderDep, request: Request) -> Response:  # noqa: ARG001
    """The newest signed checkpoint, as a note, and the key that verifies it."""
    async with reader.context.events_pool.connection() as connection:
        tree = TreeStore(connection)
        found, verifier, kept = await tree.note(), await tree.verifier(), await tree.kept()
    if found is None:
        raise nothing_signed()
    return answer(
        {"size": found[0], "note": found[1], "verifier": verifier},
        headers={POSITION_HEADER: str(kept.events)},
    )


@router.get("/inclusion", openapi_extra=documented(InclusionQuery))
async def inclusion(reader: ReaderDep, request: Request) -> Response:
    """That an event, or the batch of usage that a record came in, is a leaf of the tree."""
    query = asked(request, InclusionQuery)
    if (query.position is None) == (query.usage_position is None):
        raise one_of_both()
    kind = EVENTS if query.usage_position is None else USAGE
    position = query.position or query.usage_position or 0
    async with reader.context.events_pool.connection() as connection, connection.transaction():
        tree = TreeStore(connection)
        note = await tree.note()
        index = await tree.leaf_of(kind, position)
        size, kept = query.tree_size or (note[0] if note else 0), await tree.kept()
        if index is None or not index < size <= kept.size:
            raise not_sealed(kind, position)
        leaf, path = await tree.leaf(index), await tree.inclusion(index, size)
        root = await tree.root(size)
    return answer(
        {
            "leaf_index": index,
            "leaf_hash": leaf.hex(),
            "size": size,
            "root": root.hex(),
            "path": [step.hex() for step in path],
        },
        headers={POSITION_HEADER: str(kept.events)},
    )


@router.get("/consistency", openapi_extra=documented(ConsistencyQuery))
async def consistency(reader: ReaderDep, request: Request) -> Response:
    """That the tree of one checkpoint is the beginning of that of a later one."""
    query = asked(request, ConsistencyQuery)
    async with reader.context.events_pool.connection() as connection, connection.transaction():
        tree = TreeStore(connection)
        note, kept = await tree.note(), await tree.kept()
        old, new = query.from_size, query.to_size or (note[0] if note else 0)
        if not old <= new <= kept.size:
            raise no_such_trees()
        path = await tree.consistency(old, new)
        roots = await tree.root(old), await tree.root(new)
    return answer(
        {
            "from_size": old,
            "from_root": roots[0].hex(),
            "to_size": new,
            "to_root": roots[1].hex(),
            "path": [step.hex() for step in path],
        },
        headers={POSITION_HEADER: str(kept.events)},
    )


def nothing_signed() -> Problem:
    """There is no checkpoint yet."""
    return Problem(404, _NOT_FOUND, "nothing has been sealed yet: try again in some seconds")


def one_of_both() -> Problem:
    """Neither or both of an event and usage are asked for."""
    return Problem(422, "Unprocessable Content", "give one of position and usage_position")


def not_sealed(kind: str, position: int) -> Problem:
    """There is no leaf for it in a tree of that size."""
    what = "event" if kind == EVENTS else "record of usage"
    return Problem(404, _NOT_FOUND, f"the {what} at position {position} is not in that tree")


def no_such_trees() -> Problem:
    """The sizes are not in order, or beyond what is sealed."""
    return Problem(
        422,
        "Unprocessable Content",
        "from_size and to_size are not those of an earlier and a later tree that is sealed",
    )
