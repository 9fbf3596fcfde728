-- A budget that limits members is a part of their team or organization, and asked for by its id.
CREATE INDEX memberships_1_budget_idx ON read.memberships_1 ((limits->>'budget_id'))
    WHERE limits IS NOT NULL;
CREATE INDEX teams_1_defaults_idx ON read.teams_1 ((settings->'member_defaults'->>'budget_id'))
    WHERE settings->'member_defaults'->>'budget_id' IS NOT NULL;
CREATE INDEX organization_members_1_budget_idx
    ON read.organization_members_1 ((limits->>'budget_id')) WHERE limits IS NOT NULL;
