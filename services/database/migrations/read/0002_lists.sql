-- A search for parts of an alias or an id reads this index alone: it is a seventh of the table.
CREATE INDEX teams_1_newest_idx ON read.teams_1 (created_at DESC, team_id) INCLUDE (alias_lower)
    WHERE deleted_at IS NULL;
DROP INDEX read.teams_1_created_at_idx;
