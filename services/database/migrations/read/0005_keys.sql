-- Keys get new secrets: the row of an old one says which hash carries it on, and until when it is
-- accepted in its place; the row of a new one, how often and when. No fact did that until now, so
-- the rows that are there are complete with nothing in these columns.
ALTER TABLE read.keys_1
    ADD COLUMN successor text COLLATE "C",
    ADD COLUMN accepted_until timestamptz,
    ADD COLUMN rotations bigint,
    ADD COLUMN rotated_at timestamptz;
