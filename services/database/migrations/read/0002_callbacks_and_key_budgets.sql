-- Teams have callbacks, and keys know since when their budget duration is what it is. Until now no
-- fact changed either, so the rows that are there can be completed in place.
UPDATE read.teams_1 SET settings = settings || '{"callbacks": []}' WHERE NOT settings ? 'callbacks';

ALTER TABLE read.keys_1 ADD COLUMN budget_since timestamptz;
UPDATE read.keys_1 SET budget_since = created_at;
