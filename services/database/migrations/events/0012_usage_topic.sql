-- Where reading a topic of usage goes on: moved in the transaction that books what was read, and
-- only from where that began. `topic_id` is the broker's: another one for a topic made again.
CREATE TABLE usage.places (
    topic text NOT NULL,
    partition integer NOT NULL,
    topic_id uuid NOT NULL,
    next_offset bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- How many messages of a topic became dead letters, by minute: what the fuse goes by.
CREATE TABLE usage.dead_letters (
    topic text NOT NULL,
    minute timestamptz NOT NULL,
    letters bigint NOT NULL,
    PRIMARY KEY (topic, minute)
);
GRANT SELECT, INSERT, UPDATE ON usage.places TO teamledger_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON usage.dead_letters TO teamledger_service;
