-- Keys that went with a life of a team are found by it, so that they can come back with it.
INSERT INTO ops.dependents (parent, kind, child, since)
SELECT 'team-' || (d->'settings'->>'team_id'), 'revoked/' || (d->'settings'->>'team_incarnation'),
    originator_id, notification_id
FROM (
    SELECT originator_id, notification_id, convert_from(state, 'UTF8')::json->'data' AS d
    FROM events.stored_events WHERE topic = 'key.deleted'
) ended
WHERE d->>'cause' = 'team' AND d->'settings'->>'team_id' IS NOT NULL
    AND d->'settings'->>'team_incarnation' IS NOT NULL
ON CONFLICT DO NOTHING;

-- Who was forgotten is asked for by every read: the last of these facts is the first of this index.
CREATE INDEX stored_events_forgotten_idx ON events.stored_events (notification_id)
    WHERE topic = 'user.forgotten';

-- Where the log ended when a key was made. A fact that forgets a person destroys the keys that were
-- made before it, and not one that somebody of the same name got later.
ALTER TABLE ops.person_keys ADD COLUMN since bigint NOT NULL DEFAULT 0;

-- What stands in the log is done: no writer can record the one without the other.
CREATE FUNCTION events.forget() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM ops.person_keys
    WHERE since < NEW.notification_id AND person IN (
        SELECT json_array_elements_text(convert_from(NEW.state, 'UTF8')::json->'data'->'persons'));
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION events.forget FROM PUBLIC;
CREATE TRIGGER forgotten AFTER INSERT ON events.stored_events
    FOR EACH ROW WHEN (NEW.topic = 'user.forgotten') EXECUTE FUNCTION events.forget();
