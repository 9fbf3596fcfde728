-- Where events are posted to; secrets are sealed.
CREATE TABLE read.webhooks_1 (
    webhook_id text COLLATE "C" PRIMARY KEY,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    settings jsonb NOT NULL,
    disabled text,
    secret jsonb NOT NULL,
    previous_secret jsonb,
    previous_until timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
