-- All users under one parent, so that a command can go through them, the newest first.
INSERT INTO ops.dependents (parent, kind, child, since)
SELECT 'everybody', 'users', originator_id, notification_id
FROM events.stored_events WHERE topic = 'user.created'
ON CONFLICT DO NOTHING;

CREATE INDEX dependents_everybody_idx ON ops.dependents (since DESC) WHERE parent = 'everybody';
