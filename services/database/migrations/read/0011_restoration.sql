-- Teams can come back: `gone_at` is the position of the last deletion of a life, and keys that were
-- the team's own up to there stay void. So far the audit entry of the deletion stands under that
-- position, and no team has come back.
ALTER TABLE read.teams_1 ADD COLUMN gone_at bigint;
UPDATE read.teams_1 t SET gone_at = a.position
FROM read.audit_1 a WHERE a.id = t.deleted_event_id;
