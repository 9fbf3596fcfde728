"""What the ledger is measured against: one table, one row per call, nothing summed."""

from collections.abc import Sequence
from datetime import datetime

from services.database.connections import Pool
from tests.benchmarks.calls import SOURCE, Call
from tests.support.eventlog import owner

_TABLE = """
CREATE TABLE public.naive (
    source text, request_id text, received_at timestamptz, started_at timestamptz,
    ended_at timestamptz, organization_id text, organization_alias text, team_id text,
    team_alias text, user_id text, key_hash text, key_alias text, model text, model_group text,
    provider text, endpoint text, status text, tags text, prompt_tokens bigint,
    completion_tokens bigint, cache_read_tokens bigint, cache_creation_tokens bigint, cost numeric,
    PRIMARY KEY (source, request_id)
);
GRANT SELECT, INSERT ON public.naive TO teamledger_service;
"""
_INSERT = """
INSERT INTO public.naive SELECT * FROM unnest(%b::text[], %b::text[], %b::timestamptz[],
    %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::text[], %t::bigint[], %t::bigint[], %t::bigint[], %t::bigint[],
    %t::numeric[])
ON CONFLICT DO NOTHING
"""
_TEXTS = _INSERT.count("%b")


def create_naive(url: str) -> None:
    """The table, empty, beside the ledger's."""
    with owner(url) as connection:
        connection.execute(_TABLE.encode())


async def insert(pool: Pool, calls: Sequence[Call], now: datetime) -> None:
    """One commit, encoded as the ledger's rows are; rows that are there stay as they are."""
    rows = [_row(call, now) for call in calls]
    columns = [list(column) for column in zip(*rows, strict=True)]
    given = [*columns[:_TEXTS], *(f"{{{','.join(map(str, c))}}}" for c in columns[_TEXTS:])]
    async with pool.connection() as conn, conn.cursor(binary=True) as cursor:
        await cursor.execute(_INSERT, given, prepare=True)


def _row(call: Call, received_at: datetime) -> tuple[object, ...]:
    usage, to = call
    return (
        SOURCE,
        usage.id,
        received_at,
        usage.started_at,
        usage.ended_at,
        to.organization.id if to.organization else None,
        to.organization.alias if to.organization else None,
        to.team.id if to.team else None,
        to.team.alias if to.team else None,
        to.user.id if to.user else None,
        usage.key_hash,
        to.key.alias if to.key else None,
        usage.model,
        usage.model_group,
        usage.provider,
        usage.endpoint,
        usage.status,
        ",".join(usage.tags),
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cache_read_tokens,
        usage.cache_creation_tokens,
        usage.cost,
    )
