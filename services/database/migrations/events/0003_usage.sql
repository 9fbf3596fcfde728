-- The ledger of usage: what was called, by whom, at what cost. Records are never changed.
CREATE SCHEMA usage;

-- Everything that spends: a life of an organization, team, user or key, a member of a team or an
-- organization (id is the team or organization, member the user), a model. Incarnation 0 where there
-- are no lives.
CREATE TABLE usage.accounts (
    account bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    id text NOT NULL,
    incarnation bigint NOT NULL,
    member text NOT NULL DEFAULT '',
    UNIQUE (kind, id, incarnation, member)
);

-- What many records have in common: the accounts they are booked on, and names as they were then.
CREATE TABLE usage.series (
    series bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    organization bigint,
    team bigint,
    member bigint,
    organization_member bigint,
    "user" bigint,
    key bigint,
    model bigint,
    source text NOT NULL,
    organization_id text,
    team_id text,
    user_id text,
    key_hash text,
    organization_alias text,
    team_alias text,
    key_alias text,
    model_name text NOT NULL,
    model_group text,
    provider text,
    endpoint text,
    mcp_tool text,
    tags text[] NOT NULL,
    unattributed text
);
CREATE INDEX series_key_hash_idx ON usage.series (key_hash);

-- Under which series an account's records stand.
CREATE TABLE usage.booked_on (
    account bigint NOT NULL,
    series bigint NOT NULL,
    PRIMARY KEY (account, series)
);

-- Positions are gapless and commit in order. Costs are USD. A correction has the series and the
-- start of what it corrects, and the difference to it.
CREATE TABLE usage.records (
    position bigint PRIMARY KEY,
    series bigint NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    received_at timestamptz NOT NULL,
    cost numeric NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_creation_tokens bigint NOT NULL,
    outcome smallint NOT NULL,
    request_id text NOT NULL,
    corrects text
) WITH (autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX records_series_idx ON usage.records (series, started_at);
CREATE INDEX records_started_at_idx ON usage.records USING brin (started_at)
    WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON COLUMN usage.records.outcome IS '1 succeeded, 0 failed, -1 corrects another record';

-- Which ids were booked: the first payload under an id is the one that counts.
CREATE TABLE usage.seen (
    id bytea PRIMARY KEY,
    payload bytea NOT NULL,
    position bigint NOT NULL,
    received_at timestamptz NOT NULL
);

-- One row for each commit: where it ended.
CREATE TABLE usage.batches (
    position bigint PRIMARY KEY,
    records integer NOT NULL,
    recorded_at timestamptz NOT NULL
);

-- Sums by the quarter of an hour in which calls started.
CREATE TABLE usage.quarters (
    series bigint NOT NULL,
    quarter timestamptz NOT NULL,
    cost numeric NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_creation_tokens bigint NOT NULL,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    PRIMARY KEY (series, quarter)
) WITH (fillfactor = 70);
CREATE INDEX quarters_quarter_idx ON usage.quarters USING brin (quarter)
    WITH (pages_per_range = 32, autosummarize = on);

-- The same by UTC day, of the records up to the position in usage.days_summed: what reports read
-- first. Booking does not wait for it; who reads adds the records after that position.
CREATE TABLE usage.series_days (
    series bigint NOT NULL,
    day date NOT NULL,
    cost numeric NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_creation_tokens bigint NOT NULL,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    PRIMARY KEY (series, day)
) WITH (fillfactor = 70);
CREATE INDEX series_days_day_idx ON usage.series_days (day);
CREATE TABLE usage.days_summed (position bigint NOT NULL);
INSERT INTO usage.days_summed VALUES (0);

-- Sums by account and UTC day in which calls started.
CREATE TABLE usage.days (
    account bigint NOT NULL,
    day date NOT NULL,
    cost numeric NOT NULL,
    tokens bigint NOT NULL,
    requests bigint NOT NULL,
    PRIMARY KEY (account, day)
) WITH (fillfactor = 70);

-- What is held for calls that were admitted and have not reported yet.
CREATE TABLE usage.reservations (
    reservation uuid PRIMARY KEY,
    accounts bigint[] NOT NULL,
    amount numeric NOT NULL,
    source text NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX reservations_accounts_idx ON usage.reservations USING gin (accounts);
CREATE INDEX reservations_expires_at_idx ON usage.reservations (expires_at);

-- What came in too late or too early to be booked unseen.
CREATE TABLE usage.quarantine (
    id bytea PRIMARY KEY,
    source text NOT NULL,
    request_id text NOT NULL,
    reason text NOT NULL,
    payload jsonb NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX quarantine_received_at_idx ON usage.quarantine (received_at, id);

CREATE FUNCTION usage.lock_head() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7305230);
    RETURN coalesce((SELECT max(position) FROM usage.batches), 0);
END $$;

-- Accounts and series by what they are; those that are not there yet come to be.
CREATE FUNCTION usage.series_for(wanted json)
RETURNS TABLE (digest bytea, series bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock(7305231);
    INSERT INTO usage.accounts (kind, id, incarnation, member)
    SELECT DISTINCT a.kind, a.id, a.incarnation, a.member
    FROM json_to_recordset(wanted) AS w(accounts json),
        json_to_recordset(w.accounts) AS a(kind text, id text, incarnation bigint, member text)
    WHERE NOT EXISTS (SELECT FROM usage.accounts k WHERE k.kind = a.kind AND k.id = a.id
        AND k.incarnation = a.incarnation AND k.member = a.member);
    RETURN QUERY
    WITH described AS MATERIALIZED (
        SELECT decode(w.digest, 'hex') AS digest, w.accounts, w.source, w.organization_id,
            w.team_id, w.user_id, w.key_hash, w.organization_alias, w.team_alias, w.key_alias,
            w.model_name, w.model_group, w.provider, w.endpoint, w.mcp_tool, w.tags, w.unattributed
        FROM json_to_recordset(wanted) AS w(digest text, accounts json, source text,
            organization_id text, team_id text, user_id text, key_hash text,
            organization_alias text, team_alias text, key_alias text, model_name text,
            model_group text, provider text, endpoint text, mcp_tool text, tags json,
            unattributed text)
    ), paying AS MATERIALIZED (
        SELECT w.digest, max(k.account) FILTER (WHERE kind = 'organization') AS organization,
            max(k.account) FILTER (WHERE kind = 'team') AS team,
            max(k.account) FILTER (WHERE kind = 'member') AS member,
            max(k.account) FILTER (WHERE kind = 'organization_member') AS organization_member,
            max(k.account) FILTER (WHERE kind = 'user') AS "user",
            max(k.account) FILTER (WHERE kind = 'key') AS key,
            max(k.account) FILTER (WHERE kind = 'model') AS model
        FROM described w, json_to_recordset(w.accounts)
            AS a(kind text, id text, incarnation bigint, member text)
        JOIN usage.accounts k USING (kind, id, incarnation, member) GROUP BY w.digest
    ), made AS (
        INSERT INTO usage.series (digest, organization, team, member, organization_member, "user",
            key, model, source, organization_id, team_id, user_id, key_hash, organization_alias,
            team_alias, key_alias, model_name, model_group, provider, endpoint, mcp_tool, tags,
            unattributed)
        SELECT digest, c.organization, c.team, c.member, c.organization_member, c."user", c.key,
            c.model, w.source, w.organization_id, w.team_id, w.user_id, w.key_hash,
            w.organization_alias, w.team_alias, w.key_alias, w.model_name, w.model_group,
            w.provider, w.endpoint, w.mcp_tool, ARRAY(SELECT json_array_elements_text(w.tags)),
            w.unattributed
        FROM described w JOIN paying c USING (digest)
        ON CONFLICT DO NOTHING
        RETURNING digest, series, organization, team, member, organization_member, "user", key,
            model
    ), listed AS (
        INSERT INTO usage.booked_on (account, series)
        SELECT a.account, s.series FROM made s CROSS JOIN LATERAL (VALUES
            (s.organization), (s.team), (s.member), (s.organization_member), (s."user"), (s.key),
            (s.model)) a(account)
        WHERE a.account IS NOT NULL
    )
    SELECT digest, series FROM made
    UNION ALL
    SELECT s.digest, s.series FROM described JOIN usage.series s USING (digest);
END $$;

-- Sums of a few values in many groups, which `sum` is slow at.
CREATE AGGREGATE usage.total(bigint) (SFUNC = int8pl, STYPE = bigint);
CREATE AGGREGATE usage.total(numeric) (SFUNC = numeric_add, STYPE = numeric);

-- The only statement that inserts records. Ids that are known already are left out, and what is
-- summed is summed in the same transaction. Returns where the ledger ends, and for ids that were
-- known (by their place from 0) the payload that counts.
CREATE FUNCTION usage.append(
    ids bytea[], payloads bytea[], all_series bigint[], starts timestamptz[], ends timestamptz[],
    costs numeric[], prompts bigint[], completions bigint[], cache_reads bigint[],
    cache_creations bigint[], outcomes smallint[], requests text[], corrected text[],
    released uuid[], now timestamptz,
    OUT head bigint, OUT repeated_at bigint[], OUT repeated_payloads bytea[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    before bigint := usage.lock_head();
    moment timestamptz := greatest(now, (SELECT recorded_at FROM usage.batches WHERE position = before));
    booked bigint;
BEGIN
    WITH given AS (
        SELECT * FROM unnest(ids, payloads, all_series, starts, ends, costs, prompts, completions,
            cache_reads, cache_creations, outcomes, requests, corrected) WITH ORDINALITY
            AS g(id, payload, series, started_at, ended_at, cost, prompt, completion, cache_read,
            cache_creation, outcome, request_id, corrects, place)
    ), fresh AS MATERIALIZED (
        SELECT *, before + row_number() OVER (ORDER BY place) AS position FROM given g
        WHERE NOT EXISTS (SELECT FROM usage.seen s WHERE s.id = g.id)
    ), marked AS (
        INSERT INTO usage.seen (id, payload, position, received_at)
        SELECT id, payload, position, moment FROM fresh
    ), kept AS (
        INSERT INTO usage.records (position, series, started_at, ended_at, received_at, cost,
            prompt_tokens, completion_tokens, cache_read_tokens, cache_creation_tokens, outcome,
            request_id, corrects)
        SELECT position, series, started_at, ended_at, moment, cost, prompt, completion,
            cache_read, cache_creation, outcome, request_id, corrects
        FROM fresh
    ), by_quarter AS (
        INSERT INTO usage.quarters AS q (series, quarter, cost, prompt_tokens, completion_tokens,
            cache_read_tokens, cache_creation_tokens, succeeded, failed)
        SELECT series, date_bin('15 minutes', started_at, '2000-01-01T00:00:00Z'),
            usage.total(cost), usage.total(prompt), usage.total(completion),
            usage.total(cache_read), usage.total(cache_creation),
            count(*) FILTER (WHERE outcome = 1), count(*) FILTER (WHERE outcome = 0)
        FROM fresh GROUP BY 1, 2
        ON CONFLICT (series, quarter) DO UPDATE SET cost = q.cost + EXCLUDED.cost,
            prompt_tokens = q.prompt_tokens + EXCLUDED.prompt_tokens,
            completion_tokens = q.completion_tokens + EXCLUDED.completion_tokens,
            cache_read_tokens = q.cache_read_tokens + EXCLUDED.cache_read_tokens,
            cache_creation_tokens = q.cache_creation_tokens + EXCLUDED.cache_creation_tokens,
            succeeded = q.succeeded + EXCLUDED.succeeded, failed = q.failed + EXCLUDED.failed
    ), paid AS (
        SELECT s.organization, s.team, s.member, s.organization_member, s."user", s.key, s.model,
            d.day,
            usage.total(f.cost) AS cost, usage.total(f.prompt + f.completion) AS tokens,
            count(*) FILTER (WHERE f.outcome >= 0) AS calls
        FROM fresh f JOIN usage.series s USING (series)
            CROSS JOIN LATERAL (VALUES ((f.started_at AT TIME ZONE 'UTC')::date)) d(day)
        GROUP BY GROUPING SETS (
            (s.organization, s.team, s.member, s.organization_member, s."user", s.key, d.day),
            (s.model, d.day))
    ), by_day AS (
        INSERT INTO usage.days AS d (account, day, cost, tokens, requests)
        SELECT a.account, p.day, usage.total(p.cost), usage.total(p.tokens), usage.total(p.calls)
        FROM paid p CROSS JOIN LATERAL (VALUES (p.organization), (p.team), (p.member),
            (p.organization_member), (p."user"), (p.key), (p.model)) a(account)
        WHERE a.account IS NOT NULL GROUP BY 1, 2
        ON CONFLICT (account, day) DO UPDATE SET cost = d.cost + EXCLUDED.cost,
            tokens = d.tokens + EXCLUDED.tokens, requests = d.requests + EXCLUDED.requests
    )
    SELECT count(*) FROM fresh INTO booked;
    head := before + booked;
    IF booked > 0 THEN
        INSERT INTO usage.batches VALUES (head, booked, moment);
        PERFORM pg_notify('usage', head::text);
    END IF;
    IF booked < cardinality(ids) THEN
        SELECT array_agg(g.place - 1), array_agg(s.payload) INTO repeated_at, repeated_payloads
        FROM unnest(ids) WITH ORDINALITY g(id, place) JOIN usage.seen s USING (id)
        WHERE s.position <= before;
    END IF;
    IF cardinality(released) > 0 THEN
        DELETE FROM usage.reservations WHERE reservation = ANY (released);
    END IF;
END $$;

-- Adds the next records, at most so many, to usage.series_days, unless fewer than `fewest` wait.
-- Returns how many are left then; 0 also where another process is at it.
CREATE FUNCTION usage.sum_days(fewest bigint, most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    head bigint := coalesce((SELECT max(position) FROM usage.batches), 0);
    before bigint;
    upto bigint;
BEGIN
    SELECT position INTO before FROM usage.days_summed FOR UPDATE SKIP LOCKED;
    IF before IS NULL OR head - before < greatest(fewest, 1) THEN
        RETURN 0;
    END IF;
    upto := least(head, before + most);
    INSERT INTO usage.series_days AS d (series, day, cost, prompt_tokens, completion_tokens,
        cache_read_tokens, cache_creation_tokens, succeeded, failed)
    SELECT series, (started_at AT TIME ZONE 'UTC')::date, sum(cost), sum(prompt_tokens),
        sum(completion_tokens), sum(cache_read_tokens), sum(cache_creation_tokens),
        count(*) FILTER (WHERE outcome = 1), count(*) FILTER (WHERE outcome = 0)
    FROM usage.records WHERE position > before AND position <= upto GROUP BY 1, 2
    ON CONFLICT (series, day) DO UPDATE SET cost = d.cost + EXCLUDED.cost,
        prompt_tokens = d.prompt_tokens + EXCLUDED.prompt_tokens,
        completion_tokens = d.completion_tokens + EXCLUDED.completion_tokens,
        cache_read_tokens = d.cache_read_tokens + EXCLUDED.cache_read_tokens,
        cache_creation_tokens = d.cache_creation_tokens + EXCLUDED.cache_creation_tokens,
        succeeded = d.succeeded + EXCLUDED.succeeded, failed = d.failed + EXCLUDED.failed;
    UPDATE usage.days_summed SET position = upto;
    RETURN head - upto;
END $$;

-- What an account spent on calls that started at or after `since` and before `until`, in USD; NULL
-- is without bound. Whole days, then whole quarters, then single records.
CREATE FUNCTION usage.spent(account bigint, since timestamptz, until timestamptz) RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
#variable_conflict use_variable
DECLARE
    first_day timestamptz := date_trunc('day', since, 'UTC');
    last_day timestamptz := date_trunc('day', until, 'UTC');
    total numeric;
BEGIN
    IF first_day < since THEN
        first_day := first_day + interval '24 hours';
    END IF;
    IF first_day > last_day THEN
        RETURN usage.spent_within_a_day(account, since, until);
    END IF;
    SELECT coalesce(sum(d.cost), 0) INTO total FROM usage.days d
    WHERE d.account = account
        AND d.day >= coalesce((first_day AT TIME ZONE 'UTC')::date, '-infinity')
        AND d.day < coalesce((last_day AT TIME ZONE 'UTC')::date, 'infinity');
    IF since < first_day THEN
        total := total + usage.spent_within_a_day(account, since, first_day);
    END IF;
    IF last_day < until THEN
        total := total + usage.spent_within_a_day(account, last_day, until);
    END IF;
    RETURN total;
END $$;

CREATE FUNCTION usage.spent_within_a_day(account bigint, since timestamptz, until timestamptz)
RETURNS numeric LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
#variable_conflict use_variable
DECLARE
    first_quarter timestamptz := date_bin('15 minutes', since, '2000-01-01T00:00:00Z');
    last_quarter timestamptz := date_bin('15 minutes', until, '2000-01-01T00:00:00Z');
    total numeric := 0;
BEGIN
    IF first_quarter < since THEN
        first_quarter := first_quarter + interval '15 minutes';
    END IF;
    IF first_quarter > last_quarter THEN
        first_quarter := until;
        last_quarter := until;
    END IF;
    IF first_quarter < last_quarter THEN
        SELECT coalesce(sum(q.cost), 0) INTO total
        FROM usage.booked_on b JOIN usage.quarters q USING (series)
        WHERE b.account = account AND q.quarter >= first_quarter AND q.quarter < last_quarter;
    END IF;
    IF since < first_quarter THEN
        total := total + (SELECT coalesce(sum(r.cost), 0)
            FROM usage.booked_on b JOIN usage.records r USING (series)
            WHERE b.account = account AND r.started_at >= since AND r.started_at < first_quarter);
    END IF;
    IF last_quarter < until THEN
        total := total + (SELECT coalesce(sum(r.cost), 0)
            FROM usage.booked_on b JOIN usage.records r USING (series)
            WHERE b.account = account AND r.started_at >= last_quarter AND r.started_at < until);
    END IF;
    RETURN total;
END $$;

REVOKE ALL ON FUNCTION usage.lock_head, usage.series_for, usage.append,
    usage.sum_days, usage.spent, usage.spent_within_a_day FROM PUBLIC;
GRANT USAGE ON SCHEMA usage TO teamledger_service;
GRANT SELECT ON ALL TABLES IN SCHEMA usage TO teamledger_service;
GRANT INSERT, UPDATE, DELETE ON usage.reservations, usage.quarantine TO teamledger_service;
GRANT EXECUTE ON FUNCTION usage.lock_head, usage.series_for, usage.append,
    usage.sum_days, usage.spent, usage.spent_within_a_day TO teamledger_service;
