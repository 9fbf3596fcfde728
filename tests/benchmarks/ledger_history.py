"""A long ledger, made without the service: by SQL, its sums made of its records.

Teams have 20 keys each, every key its user and four models. Some teams call far more than others:
the largest makes an eighth of all calls. Calls come at any time of the last 60 days. Ids that were
seen are left out: reports never look at them.
"""

from datetime import datetime, timedelta
from typing import Any

import psycopg
from rich.progress import track

from services.database.connections import owner_conninfo

TEAMS, KEYS, MODELS, ORGANIZATIONS = 500, 20, 4, 20
SPAN = timedelta(days=60)
_CHUNK = 500_000
_ACCOUNTS = """
INSERT INTO usage.accounts (kind, id, incarnation, member)
SELECT 'team', 'bench-' || t, 1, '' FROM generate_series(0, %(teams)s - 1) t
UNION ALL SELECT 'organization', 'bench-' || o, 1, ''
    FROM generate_series(0, %(organizations)s - 1) o
UNION ALL SELECT 'user', 'bench-' || k, 1, '' FROM generate_series(0, %(last)s) k
UNION ALL SELECT 'key', encode(sha256(('bench-' || k)::bytea), 'hex'), 1, ''
    FROM generate_series(0, %(last)s) k
UNION ALL SELECT 'member', 'bench-' || k / %(keys)s, 1, 'bench-' || k
    FROM generate_series(0, %(last)s) k
UNION ALL SELECT 'model', 'model-' || m, 0, '' FROM generate_series(0, %(models)s - 1) m
"""
_SERIES = """
INSERT INTO usage.series (series, digest, organization, team, member, "user", key, model, source,
    organization_id, team_id, user_id, key_hash, team_alias, key_alias, model_name, model_group,
    provider, endpoint, tags)
OVERRIDING SYSTEM VALUE
SELECT 1 + k * %(models)s + m, decode(md5(k || '-' || m), 'hex'), o.account, t.account, b.account,
    u.account, h.account, n.account, 'bench', o.id, t.id, u.id, h.id, 'Team ' || t.id,
    'key ' || k, 'openai/' || n.id, n.id, 'openai', '/chat/completions', '{}'
FROM generate_series(0, %(last)s) k CROSS JOIN generate_series(0, %(models)s - 1) m
    JOIN usage.accounts o ON o.kind = 'organization'
        AND o.id = 'bench-' || k / %(keys)s %% %(organizations)s
    JOIN usage.accounts t ON t.kind = 'team' AND t.id = 'bench-' || k / %(keys)s
    JOIN usage.accounts b ON b.kind = 'member' AND b.member = 'bench-' || k
    JOIN usage.accounts u ON u.kind = 'user' AND u.id = 'bench-' || k
    JOIN usage.accounts h ON h.kind = 'key'
        AND h.id = encode(sha256(('bench-' || k)::bytea), 'hex')
    JOIN usage.accounts n ON n.kind = 'model' AND n.id = 'model-' || m
"""
_BOOKED_ON = """
INSERT INTO usage.booked_on
SELECT a.account, s.series FROM usage.series s CROSS JOIN LATERAL (VALUES (s.organization),
    (s.team), (s.member), (s."user"), (s.key), (s.model)) a(account)
"""
_RECORDS = """
INSERT INTO usage.records
SELECT i, 1 + %(models)s * (%(keys)s * floor(%(teams)s * random() ^ 3)::int
        + floor(%(keys)s * random() ^ 2)::int) + floor(%(models)s * random() ^ 2)::int,
    at, at + interval '2 s', at + interval '3 s', (random() * 1000000)::int * 0.00000001,
    (random() * 4000)::int, (random() * 800)::int, 0, 0, (random() < 0.98)::int::smallint,
    'bench-' || i, NULL
FROM (SELECT i, %(begin)s + %(span)s * ((i - random()) / %(records)s) AS at
    FROM generate_series(%(first)s::bigint, %(upto)s) i) calls
"""
_QUARTERS = """
INSERT INTO usage.quarters
SELECT series, date_bin('15 minutes', started_at, '2000-01-01T00:00:00Z') AS quarter, sum(cost),
    sum(prompt_tokens), sum(completion_tokens), sum(cache_read_tokens),
    sum(cache_creation_tokens), count(*) FILTER (WHERE outcome = 1),
    count(*) FILTER (WHERE outcome = 0)
FROM usage.records GROUP BY 1, 2 ORDER BY 2, 1
"""
_DAYS = """
INSERT INTO usage.days
SELECT b.account, d.day, sum(d.cost), sum(d.prompt_tokens + d.completion_tokens),
    sum(d.succeeded + d.failed)
FROM usage.series_days d JOIN usage.booked_on b USING (series) GROUP BY 1, 2
"""
_SEQUENCES = """
SELECT setval(pg_get_serial_sequence('usage.series', 'series'), max(series)) FROM usage.series
"""


def fill(url: str, records: int, end: datetime) -> None:
    """So many records up to `end` in an empty ledger."""
    asked: dict[str, Any] = {
        "teams": TEAMS,
        "keys": KEYS,
        "models": MODELS,
        "organizations": ORGANIZATIONS,
        "last": TEAMS * KEYS - 1,
        "records": records,
        "begin": end - SPAN,
        "span": SPAN,
    }
    with psycopg.connect(
        owner_conninfo(url), autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as conn:
        conn.execute("SELECT setseed(0.5)")
        conn.execute("SET work_mem = '512MB'")
        for statement in (_ACCOUNTS, _SERIES, _BOOKED_ON, _SEQUENCES):
            conn.execute(statement, asked)
        for first in track(range(1, records + 1, _CHUNK), f"writing {records:,} records"):
            upto = min(first + _CHUNK - 1, records)
            conn.execute(_RECORDS, {**asked, "first": first, "upto": upto})
        conn.execute("INSERT INTO usage.batches VALUES (%s, %s, %s)", (records, records, end))
        conn.execute(_QUARTERS)


def sum_by_day(url: str) -> None:
    """What a running service does beside the booking, and the sums by account."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        while conn.execute("SELECT usage.sum_days(1, %s)", (_CHUNK,)).fetchone() != (0,):
            pass
        conn.execute(_DAYS)
        conn.execute("VACUUM ANALYZE")


def largest_teams(url: str) -> list[tuple[str, int]]:
    """All teams with the number of their calls, the largest first."""
    query = """
    SELECT s.team_id, sum(d.succeeded + d.failed)::bigint FROM usage.series_days d
    JOIN usage.series s USING (series) GROUP BY 1 ORDER BY 2 DESC
    """
    with psycopg.connect(owner_conninfo(url)) as conn:
        return conn.execute(query).fetchall()


def calls_between(url: str, team_id: str, begin: datetime, end: datetime) -> int:
    """Counted from the records."""
    query = """
    SELECT count(*) FROM usage.records r JOIN usage.series s USING (series)
    WHERE s.team_id = %s AND r.started_at >= %s AND r.started_at < %s
    """
    with psycopg.connect(owner_conninfo(url)) as conn:
        [count] = conn.execute(query, (team_id, begin, end)).fetchone() or (0,)
    return int(count)
