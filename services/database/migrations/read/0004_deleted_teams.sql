-- Lists of deleted teams are read in the order of this index, page by page (register D51).
CREATE INDEX teams_1_deleted_idx ON read.teams_1 (created_at DESC, team_id, incarnation DESC)
    WHERE deleted_at IS NOT NULL;
DROP INDEX read.teams_1_deleted_at_idx;
