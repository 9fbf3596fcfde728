-- How far the log was published, by topic: saved by whoever holds the relay's lock, once the broker
-- has acknowledged. `event_id` is that of the event at `position`, in the store that `epoch` names.
CREATE TABLE ops.relay (
    topic text PRIMARY KEY,
    position bigint NOT NULL,
    epoch uuid NOT NULL,
    event_id text,
    published_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON ops.relay TO teamledger_service;
