-- Refused calls of privileged routes: a ring, capped by count and age. `id` is a UUID of version 7,
-- so in the order of time; `key` are the first 16 hex digits of the sha256 of what was presented,
-- null where many different ones are told in one row.
CREATE TABLE ops.security_log (
    id uuid PRIMARY KEY,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    status smallint NOT NULL,
    reason text,
    key text COLLATE "C",
    correlation_id text NOT NULL,
    times bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.security_log TO teamledger_service;
