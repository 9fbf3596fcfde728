-- The sealer's tree over the log (decision 013): what has a leaf, and the hashes.
CREATE TABLE ops.seal (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    log uuid NOT NULL DEFAULT gen_random_uuid(),
    verifier text,
    size bigint NOT NULL DEFAULT 0,
    events bigint NOT NULL DEFAULT 0,
    usage bigint NOT NULL DEFAULT 0
);
INSERT INTO ops.seal DEFAULT VALUES;

-- Leaves in a row of the same kind: events by position, batches of usage by the position they end at.
CREATE TABLE ops.seal_spans (
    first_leaf bigint PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('events', 'usage')),
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    leaves bigint NOT NULL
);

CREATE TABLE ops.seal_tiles (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, number)
);

CREATE TABLE ops.checkpoints (
    size bigint PRIMARY KEY,
    note text NOT NULL,
    made_at timestamptz NOT NULL,
    delivered_at timestamptz
);
CREATE INDEX checkpoints_undelivered_idx ON ops.checkpoints (size) WHERE delivered_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON ops.seal, ops.seal_spans, ops.seal_tiles, ops.checkpoints
    TO teamledger_service;
