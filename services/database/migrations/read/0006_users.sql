-- Users have ends, and budgets that change; keys know since when they are their owner's. Until now
-- no fact ended or changed a user but for his address, so the rows that are there can be completed
-- in place: `owned_at` is the position of the fact that made or moved the key, which is the first of
-- its command on the key.
ALTER TABLE read.users_1 ADD COLUMN budget_since timestamptz, ADD COLUMN gone_at bigint;
UPDATE read.users_1 SET budget_since = created_at;

ALTER TABLE read.keys_1 ADD COLUMN owned_at bigint NOT NULL DEFAULT 0;
UPDATE read.keys_1 k SET owned_at = a.position
FROM (
    SELECT object_id, max(position) AS position FROM read.audit_1
    WHERE table_name = 'LiteLLM_VerificationToken' AND (
        action = 'created' OR updated_values ?| '{user_id,team_id,organization_id}'
    )
    GROUP BY object_id
) a
WHERE a.object_id = k.token;

-- Lists of users, by creation and by name; an address is looked for in all of them.
CREATE INDEX users_1_newest_idx ON read.users_1 (created_at, user_id) WHERE deleted_at IS NULL;
