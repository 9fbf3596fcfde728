-- Budgets lead to the teams and organizations in which they limit members, and organizations to
-- the keys of their own: the links that the facts recorded so far would have made.
INSERT INTO ops.dependents (parent, kind, child, since)
SELECT 'budget-' || budget_id, 'limits', originator_id, max(notification_id)
FROM (
    SELECT e.originator_id, e.notification_id, CASE
        WHEN e.topic = 'team.created' THEN data->'settings'->'member_defaults'->>'budget_id'
        WHEN e.topic LIKE '%.member_added' THEN data->'limits'->>'budget_id'
        ELSE data->'after'->>'budget_id'
    END AS budget_id
    FROM events.stored_events e, LATERAL (
        SELECT convert_from(e.state, 'UTF8')::json->'data' AS data
    ) body
    WHERE e.topic IN (
        'team.created', 'team.member_defaults_changed', 'team.member_added',
        'team.member_budget_changed', 'organization.member_added',
        'organization.member_budget_changed'
    )
) limited
WHERE budget_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM events.stored_events ended
    WHERE ended.originator_id = limited.originator_id
        AND ended.topic IN ('team.deleted', 'organization.deleted')
        AND ended.notification_id > limited.notification_id
)
GROUP BY budget_id, originator_id
ON CONFLICT DO NOTHING;

INSERT INTO ops.dependents (parent, kind, child, since)
SELECT 'organization-' || organization_id, 'keys', originator_id, notification_id
FROM (
    SELECT DISTINCT ON (e.originator_id) e.originator_id, e.notification_id, e.topic, CASE
        WHEN e.topic = 'key.generated' THEN data->'settings'->>'organization_id'
        WHEN e.topic = 'key.moved' THEN data->'after'->>'organization_id'
    END AS organization_id
    FROM events.stored_events e, LATERAL (
        SELECT convert_from(e.state, 'UTF8')::json->'data' AS data
    ) body
    WHERE e.topic IN ('key.generated', 'key.moved', 'key.rotated', 'key.deleted')
    ORDER BY e.originator_id, e.notification_id DESC
) owned
WHERE organization_id IS NOT NULL
ON CONFLICT DO NOTHING;
