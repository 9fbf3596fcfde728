-- Rows of the read models as they were after one fact of a long stream: what is folded from there
-- need not be folded from the first. Anybody may empty this table. Rows count while the event is the
-- one at that version, and `shape` is that of the program.
CREATE UNLOGGED TABLE ops.snapshots (
    stream text NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    event_id text NOT NULL,
    shape text NOT NULL,
    rows bytea NOT NULL,
    PRIMARY KEY (stream, version)
);
CREATE UNLOGGED TABLE ops.snapshots_made (shape text PRIMARY KEY, position bigint NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.snapshots, ops.snapshots_made TO teamledger_service;

-- Where the ledger ended at a moment.
CREATE INDEX batches_recorded_at_idx ON usage.batches (recorded_at, position);

-- Records that were booked long after their start, corrections above all, or before it: what was
-- spent as of a moment is what was spent up to then, but for these.
CREATE INDEX records_late_idx ON usage.records (series, started_at)
    WHERE received_at - started_at > interval '1 hour';
CREATE INDEX records_early_idx ON usage.records (series, started_at)
    WHERE started_at - received_at >= interval '5 minutes';
