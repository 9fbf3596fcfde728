-- How far budgets were watched: in the ledger, and in the log. Whoever looks starts from there, and
-- an installation that had both before starts with what comes next.
CREATE TABLE ops.budget_watch (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    ledger bigint NOT NULL,
    log bigint NOT NULL
);
INSERT INTO ops.budget_watch (ledger, log) VALUES (
    coalesce((SELECT max(position) FROM usage.batches), 0),
    coalesce((SELECT max(notification_id) FROM events.stored_events), 0)
);

-- Up to which fact messages were made for webhooks.
CREATE TABLE ops.webhook_messages (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL
);
INSERT INTO ops.webhook_messages (position) VALUES (
    coalesce((SELECT max(notification_id) FROM events.stored_events), 0)
);

-- What is to be posted to a webhook, or was: a message is made of the fact at `position`. While an
-- attempt is under way, `next_attempt` is when it has failed for lack of an end.
CREATE TABLE ops.webhook_deliveries (
    webhook text NOT NULL,
    message text NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts integer NOT NULL DEFAULT 0,
    round integer NOT NULL DEFAULT 0,
    next_attempt timestamptz NOT NULL,
    last_attempt timestamptz,
    last_status integer,
    last_error text,
    created_at timestamptz NOT NULL,
    delivered_at timestamptz,
    PRIMARY KEY (webhook, message)
);
COMMENT ON COLUMN ops.webhook_deliveries.round IS 'attempts since it was asked for last';
CREATE INDEX webhook_deliveries_due_idx ON ops.webhook_deliveries (webhook, next_attempt)
    WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_position_idx ON ops.webhook_deliveries (webhook, position, message);

GRANT SELECT, UPDATE ON ops.budget_watch, ops.webhook_messages TO teamledger_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.webhook_deliveries TO teamledger_service;
