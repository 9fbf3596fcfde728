-- Keys of an organization's own end with it: the position of its end tells which. What has ended
-- already is told by its audit entry.
ALTER TABLE read.organizations_1 ADD COLUMN gone_at bigint;
UPDATE read.organizations_1 o SET gone_at = a.position FROM read.audit_1 a
WHERE a.table_name = 'LiteLLM_OrganizationTable' AND a.action = 'deleted'
    AND a.object_id = o.organization_id AND a.updated_at = o.deleted_at;
