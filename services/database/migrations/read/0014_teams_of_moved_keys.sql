-- Entries about keys are found by all teams that they name, and by the key that carries one on.
UPDATE read.audit_1 SET object_team_id = nullif(
    concat_ws(' ', before_value ->> 'team_id', updated_values ->> 'team_id'), '')
WHERE table_name = 'LiteLLM_VerificationToken' AND object_team_id IS NULL;
UPDATE read.audit_1 SET object_key_hash = concat_ws(' ', object_id, updated_values ->> 'token')
WHERE table_name = 'LiteLLM_VerificationToken' AND action = 'rotated';
