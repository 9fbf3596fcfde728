"""What must agree in the ledger, as statements that find what does not (decision 010).

Each gives, of the first hundred that differ, what it is, its figures by the records, its figures as
kept, NULL for those that are not there at all, and in each row how many differ. Costs are text: a
number of JSON would not show the last digits. Whole tables are read, so each is asked once, all of
them on one snapshot.
"""

from collections.abc import Mapping
from typing import Final

TOTALS: Final = """
SELECT a.kind, sum(r.records)::bigint, sum(r.cost), sum(r.tokens)::bigint
FROM (
    SELECT series, count(*) AS records, sum(cost) AS cost,
        sum(prompt_tokens + completion_tokens) AS tokens
    FROM usage.records GROUP BY series
) r LEFT JOIN usage.series s USING (series) CROSS JOIN LATERAL (VALUES ('record', 0),
    ('organization', s.organization), ('team', s.team), ('member', s.member),
    ('organization_member', s.organization_member), ('user', s."user"), ('key', s.key),
    ('model', s.model)) a(kind, account)
WHERE a.account IS NOT NULL GROUP BY a.kind
"""
"""Records, USD and tokens by the records: of all, and of those that each kind of account has."""

KEPT: Final = """
SELECT 'quarter', count(*), coalesce(sum(cost), 0),
    coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint
FROM usage.quarters
UNION ALL
SELECT a.kind, count(*), sum(d.cost), sum(d.tokens)::bigint
FROM usage.days d LEFT JOIN usage.accounts a USING (account) GROUP BY a.kind
"""
"""Rows, USD and tokens as kept: by quarters of an hour, and by days for each kind of account."""

_BATCHES: Final = """
SELECT jsonb_build_object('position', position), jsonb_build_object('records', found),
    jsonb_build_object('records', noted), in_all
FROM (
    SELECT position, found, noted, count(*) OVER () AS in_all
    FROM (
        SELECT b.position, count(r.position) AS found, b.records AS noted,
            b.position - b.before AS positions
        FROM (
            SELECT position, records, lag(position, 1, 0::bigint) OVER (ORDER BY position) AS before
            FROM usage.batches
        ) b LEFT JOIN usage.records r ON r.position > b.before AND r.position <= b.position
        GROUP BY b.position, b.records, b.before
        UNION ALL
        SELECT position, 1, 0, 1 FROM usage.records
        WHERE position < 1 OR position > coalesce((SELECT max(position) FROM usage.batches), 0)
    ) counted
    WHERE found <> noted OR positions <> noted
    ORDER BY position LIMIT 100
) differing
"""

_IDS: Final = """
WITH seed AS MATERIALIZED (SELECT (random() * 9e18)::bigint AS seed)
SELECT jsonb_build_object('position', position, 'source', s.source, 'request_id', r.request_id),
    CASE WHEN r.position IS NOT NULL THEN jsonb_build_object('ids', 1) END,
    CASE WHEN ids IS NOT NULL THEN jsonb_build_object('ids', ids) END, in_all
FROM (
    SELECT position, ids, count(*) OVER () AS in_all
    FROM (SELECT position, count(*) AS ids FROM usage.seen GROUP BY position) known
    FULL JOIN (SELECT position, 1 AS one FROM usage.records) records USING (position)
    WHERE (ids, one) IS DISTINCT FROM (1, 1) AND (
        SELECT ARRAY[count(*), sum(position), bit_xor(hashint8extended(position, seed))]
        FROM usage.seen, seed
    ) <> (
        SELECT ARRAY[count(*), sum(position), bit_xor(hashint8extended(position, seed))]
        FROM usage.records, seed
    )
    ORDER BY position LIMIT 100
) differing LEFT JOIN usage.records r USING (position) LEFT JOIN usage.series s USING (series)
ORDER BY position
"""
"""Positions are joined one by one only if there is a difference: fingerprints tell, under a seed
that nobody who tampered could know."""

_QUARTERS: Final = """
SELECT jsonb_build_object('quarter', quarter, 'series', series, 'source', s.source,
        'organization_id', s.organization_id, 'team_id', s.team_id, 'user_id', s.user_id,
        'key_hash', s.key_hash, 'model', s.model_name),
    CASE WHEN d.calls IS NOT NULL THEN jsonb_build_object('cost', d.cost::text,
        'prompt_tokens', prompt, 'completion_tokens', completion, 'cache_read_tokens', cache_read,
        'cache_creation_tokens', cache_creation, 'succeeded', d.calls, 'failed', d.failures) END,
    CASE WHEN q.series IS NOT NULL THEN jsonb_build_object('cost', q.cost::text,
        'prompt_tokens', q.prompt_tokens, 'completion_tokens', q.completion_tokens,
        'cache_read_tokens', q.cache_read_tokens,
        'cache_creation_tokens', q.cache_creation_tokens, 'succeeded', q.succeeded,
        'failed', q.failed) END, in_all
FROM (
    SELECT series, quarter, r.cost, prompt, completion, cache_read, cache_creation, calls, failures,
        count(*) OVER () AS in_all
    FROM (
        SELECT series, date_bin('15 minutes', started_at, '2000-01-01T00:00:00Z') AS quarter,
            sum(cost) AS cost, sum(prompt_tokens) AS prompt, sum(completion_tokens) AS completion,
            sum(cache_read_tokens) AS cache_read, sum(cache_creation_tokens) AS cache_creation,
            count(*) FILTER (WHERE outcome = 1) AS calls,
            count(*) FILTER (WHERE outcome = 0) AS failures
        FROM usage.records GROUP BY 1, 2
    ) r FULL JOIN usage.quarters q USING (series, quarter)
    WHERE (r.cost, prompt, completion, cache_read, cache_creation, calls, failures)
        IS DISTINCT FROM (q.cost, q.prompt_tokens, q.completion_tokens, q.cache_read_tokens,
            q.cache_creation_tokens, q.succeeded, q.failed)
    ORDER BY series, quarter LIMIT 100
) d LEFT JOIN usage.quarters q USING (series, quarter) LEFT JOIN usage.series s USING (series)
ORDER BY series, quarter
"""

_SERIES_DAYS: Final = """
SELECT jsonb_build_object('day', day, 'series', series, 'source', s.source,
        'organization_id', s.organization_id, 'team_id', s.team_id, 'user_id', s.user_id,
        'key_hash', s.key_hash, 'model', s.model_name),
    CASE WHEN x.calls IS NOT NULL THEN jsonb_build_object('cost', x.cost::text,
        'prompt_tokens', prompt, 'completion_tokens', completion, 'cache_read_tokens', cache_read,
        'cache_creation_tokens', cache_creation, 'succeeded', x.calls, 'failed', x.failures) END,
    CASE WHEN d.series IS NOT NULL THEN jsonb_build_object('cost', d.cost::text,
        'prompt_tokens', d.prompt_tokens, 'completion_tokens', d.completion_tokens,
        'cache_read_tokens', d.cache_read_tokens,
        'cache_creation_tokens', d.cache_creation_tokens, 'succeeded', d.succeeded,
        'failed', d.failed) END, in_all
FROM (
    SELECT series, day, r.cost, prompt, completion, cache_read, cache_creation, calls, failures,
        count(*) OVER () AS in_all
    FROM (
        SELECT series, (started_at AT TIME ZONE 'UTC')::date AS day, sum(cost) AS cost,
            sum(prompt_tokens) AS prompt, sum(completion_tokens) AS completion,
            sum(cache_read_tokens) AS cache_read, sum(cache_creation_tokens) AS cache_creation,
            count(*) FILTER (WHERE outcome = 1) AS calls,
            count(*) FILTER (WHERE outcome = 0) AS failures
        FROM usage.records WHERE position <= (SELECT max(position) FROM usage.days_summed)
        GROUP BY 1, 2
    ) r FULL JOIN usage.series_days d USING (series, day)
    WHERE (r.cost, prompt, completion, cache_read, cache_creation, calls, failures)
        IS DISTINCT FROM (d.cost, d.prompt_tokens, d.completion_tokens, d.cache_read_tokens,
            d.cache_creation_tokens, d.succeeded, d.failed)
    ORDER BY series, day LIMIT 100
) x LEFT JOIN usage.series_days d USING (series, day) LEFT JOIN usage.series s USING (series)
ORDER BY series, day
"""
"""Of the records that were summed already: reports add the others by themselves."""

_DAYS: Final = """
SELECT jsonb_build_object('day', day, 'kind', a.kind, 'id', a.id, 'incarnation', a.incarnation,
        'member', nullif(a.member, ''), 'account', account),
    CASE WHEN r_requests IS NOT NULL THEN jsonb_build_object('cost', r_cost::text,
        'tokens', r_tokens, 'requests', r_requests) END,
    CASE WHEN d_requests IS NOT NULL THEN jsonb_build_object('cost', d_cost::text,
        'tokens', d_tokens, 'requests', d_requests) END, in_all
FROM (
    SELECT account, day, r.cost AS r_cost, r.tokens AS r_tokens, r.requests AS r_requests,
        d.cost AS d_cost, d.tokens AS d_tokens, d.requests AS d_requests, count(*) OVER () AS in_all
    FROM (
        SELECT a.account, r.day, sum(r.cost) AS cost, sum(r.tokens) AS tokens,
            sum(r.requests) AS requests
        FROM (
            SELECT series, (started_at AT TIME ZONE 'UTC')::date AS day, sum(cost) AS cost,
                sum(prompt_tokens + completion_tokens) AS tokens,
                count(*) FILTER (WHERE outcome >= 0) AS requests
            FROM usage.records GROUP BY 1, 2
        ) r JOIN usage.series s USING (series) CROSS JOIN LATERAL (VALUES (s.organization),
            (s.team), (s.member), (s.organization_member), (s."user"), (s.key),
            (s.model)) a(account)
        WHERE a.account IS NOT NULL GROUP BY 1, 2
    ) r FULL JOIN usage.days d USING (account, day)
    WHERE (r.cost, r.tokens, r.requests) IS DISTINCT FROM (d.cost, d.tokens, d.requests)
    ORDER BY account, day LIMIT 100
) differing LEFT JOIN usage.accounts a USING (account)
ORDER BY account, day
"""

_LISTS: Final = """
SELECT jsonb_build_object('series', series, 'kind', a.kind, 'id', a.id,
        'incarnation', a.incarnation, 'member', nullif(a.member, ''), 'account', account),
    jsonb_build_object('listed', named), jsonb_build_object('listed', listed), in_all
FROM (
    SELECT account, series, n.named IS NOT NULL AS named, b.account IS NOT NULL AS listed,
        count(*) OVER () AS in_all
    FROM (
        SELECT DISTINCT a.account, s.series, true AS named
        FROM usage.series s CROSS JOIN LATERAL (VALUES (s.organization), (s.team), (s.member),
            (s.organization_member), (s."user"), (s.key), (s.model)) a(account)
        WHERE a.account IS NOT NULL
    ) n FULL JOIN usage.booked_on b USING (account, series)
    WHERE n.named IS NULL OR b.account IS NULL
    ORDER BY account, series LIMIT 100
) differing LEFT JOIN usage.accounts a USING (account)
ORDER BY account, series
"""

_NAMES: Final = """
SELECT jsonb_build_object('series', series, 'kind', kind, 'account', account),
    jsonb_build_object('kind', kind, 'id', id, 'member', nullif(member, '')),
    CASE WHEN a_kind IS NOT NULL THEN jsonb_build_object('kind', a_kind, 'id', a_id,
        'member', nullif(a_member, '')) END, in_all
FROM (
    SELECT s.series, n.account, n.kind, n.id, n.member, a.kind AS a_kind, a.id AS a_id,
        a.member AS a_member, count(*) OVER () AS in_all
    FROM usage.series s CROSS JOIN LATERAL (VALUES
        ('organization', s.organization, s.organization_id, ''), ('team', s.team, s.team_id, ''),
        ('member', s.member, s.team_id, s.user_id),
        ('organization_member', s.organization_member, s.organization_id, s.user_id),
        ('user', s."user", s.user_id, ''),
        ('key', s.key, s.key_hash, ''),
        ('model', s.model, coalesce(s.model_group, s.model_name), '')
    ) n(kind, account, id, member)
    LEFT JOIN usage.accounts a USING (account)
    WHERE n.account IS NOT NULL AND (a.kind, a.id, a.member)
        IS DISTINCT FROM (n.kind, coalesce(n.id, a.id), n.member)
    ORDER BY s.series, n.kind LIMIT 100
) differing
ORDER BY series, kind
"""

COMPARISONS: Final[Mapping[str, str]] = {
    "batches": _BATCHES,
    "ids": _IDS,
    "quarters": _QUARTERS,
    "series_days": _SERIES_DAYS,
    "days": _DAYS,
    "lists": _LISTS,
    "names": _NAMES,
}
"""By what is compared with the records: positions of commits, ids that are known, sums by quarter
of an hour, sums by series and day, sums by account and day, the list of each account's series, and
the names of accounts."""
