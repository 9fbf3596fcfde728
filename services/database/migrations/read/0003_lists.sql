-- A search for parts of an alias or an id reads this index alone: it is a seventh of the table.
CREATE INDEX teams_1_newest_idx ON read.teams_1 (created_at DESC, team_id) INCLUDE (alias_lower)
    WHERE deleted_at IS NULL;
DROP INDEX read.teams_1_created_at_idx;

-- Lists of keys: of everybody (counted in the first index alone), of those who made them, deleted.
CREATE INDEX keys_1_newest_idx ON read.keys_1 (created_at DESC, token DESC) INCLUDE (team_id)
    WHERE deleted_at IS NULL;
CREATE INDEX keys_1_updated_at_idx ON read.keys_1 (updated_at DESC, token DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX keys_1_created_by_idx ON read.keys_1 (created_by, created_at DESC, token DESC);
CREATE INDEX keys_1_deleted_idx ON read.keys_1 (created_at DESC, token DESC)
    WHERE deleted_at IS NOT NULL;
