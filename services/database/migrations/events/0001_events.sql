-- The event store: append-only, gapless positions that commit in order.
CREATE SCHEMA events;

CREATE TABLE events.store (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO events.store DEFAULT VALUES;

-- The shape that eventsourcing's recorders read; notification_id is the position.
CREATE TABLE events.stored_events (
    originator_id text NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.05);
CREATE UNIQUE INDEX stored_events_notification_id_idx ON events.stored_events (notification_id);

-- What the command side needs besides the facts, all written in the append transaction.
CREATE TABLE ops.dependents (
    parent text NOT NULL,
    kind text NOT NULL,
    child text NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (parent, kind, child)
);
CREATE INDEX dependents_child_idx ON ops.dependents (child, kind);

CREATE TABLE ops.idempotency (
    caller bytea NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint NOT NULL,
    answer bytea NOT NULL,
    position bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_created_at_idx ON ops.idempotency (created_at);

CREATE TABLE ops.person_keys (
    person text PRIMARY KEY,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Effects too large for one append: a resumable process manager works them off.
-- Dependents of (parent, kind) that were linked at or before a position are to be deleted.
CREATE TABLE ops.chores (
    parent text NOT NULL,
    kind text NOT NULL,
    until bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (parent, kind, until)
);

-- Fingerprint of the root key and the wrapped pepper.
CREATE TABLE ops.secrets (
    name text PRIMARY KEY,
    value bytea NOT NULL
);

-- One writer at a time: whoever holds this lock until commit decides what comes next.
CREATE FUNCTION events.lock_head() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7305229);
    RETURN (SELECT coalesce(max(notification_id), 0) FROM events.stored_events);
END $$;

-- The only statement that inserts events. `outcome` is
--   appended  all rows are in, under positions expected_head + 1 ...
--   moved     somebody appended first; `head` is where the store is now; nothing was written
--   repeated  an idempotency key of the batch is already answered; nothing was written
CREATE FUNCTION events.append(
    expected_head bigint,
    streams text[], versions bigint[], topics text[], states bytea[],
    link_parents text[], link_kinds text[], link_children text[], link_since bigint[],
    unlink_parents text[], unlink_kinds text[], unlink_children text[],
    dropped_children text[],
    sides json,
    OUT outcome text, OUT head bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    head := events.lock_head();
    IF head <> expected_head THEN
        outcome := 'moved';
        RETURN;
    END IF;
    IF sides IS NOT NULL THEN
        IF EXISTS (SELECT FROM json_to_recordset(sides->'answers') AS a(caller text, key text)
                   JOIN ops.idempotency i ON i.caller = decode(a.caller, 'hex') AND i.key = a.key) THEN
            outcome := 'repeated';
            RETURN;
        END IF;
        INSERT INTO ops.idempotency (caller, key, body_hash, status, answer, position)
        SELECT decode(caller, 'hex'), key, decode(body_hash, 'hex'), status, decode(answer, 'base64'), position
        FROM json_to_recordset(sides->'answers')
            AS a(caller text, key text, body_hash text, status smallint, answer text, position bigint);
        INSERT INTO ops.person_keys (person, wrapped)
        SELECT person, decode(wrapped, 'base64')
        FROM json_to_recordset(sides->'people') AS p(person text, wrapped text)
        ON CONFLICT DO NOTHING;
        INSERT INTO ops.chores (parent, kind, until)
        SELECT parent, kind, until FROM json_to_recordset(sides->'chores') AS c(parent text, kind text, until bigint)
        ON CONFLICT DO NOTHING;
    END IF;
    IF cardinality(streams) > 0 THEN
        INSERT INTO events.stored_events (originator_id, originator_version, topic, state, notification_id)
        SELECT s, v, t, d, expected_head + n
        FROM unnest(streams, versions, topics, states) WITH ORDINALITY AS e(s, v, t, d, n);
        head := expected_head + cardinality(streams);
        PERFORM pg_notify('stored_events', head::text);
    END IF;
    IF cardinality(unlink_parents) > 0 THEN
        DELETE FROM ops.dependents d USING unnest(unlink_parents, unlink_kinds, unlink_children) AS u(p, k, c)
        WHERE d.parent = u.p AND d.kind = u.k AND d.child = u.c;
    END IF;
    IF cardinality(dropped_children) > 0 THEN
        DELETE FROM ops.dependents WHERE child = ANY (dropped_children);
    END IF;
    IF cardinality(link_parents) > 0 THEN
        INSERT INTO ops.dependents (parent, kind, child, since)
        SELECT * FROM unnest(link_parents, link_kinds, link_children, link_since)
        ON CONFLICT (parent, kind, child) DO UPDATE SET since = EXCLUDED.since;
    END IF;
    outcome := 'appended';
END $$;

REVOKE ALL ON FUNCTION events.append, events.lock_head FROM PUBLIC;
GRANT USAGE ON SCHEMA events, ops TO teamledger_service;
GRANT SELECT ON ALL TABLES IN SCHEMA events TO teamledger_service;
GRANT EXECUTE ON FUNCTION events.append, events.lock_head TO teamledger_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    ops.dependents, ops.idempotency, ops.person_keys, ops.chores, ops.secrets TO teamledger_service;
