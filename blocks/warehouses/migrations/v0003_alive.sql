-- host:pid of the run. The time is the warehouse's own; NULL where one machine alone can be at work.
ALTER TABLE ops.batches ADD COLUMN IF NOT EXISTS holder VARCHAR;
ALTER TABLE ops.batches ADD COLUMN IF NOT EXISTS alive_at TIMESTAMP WITH TIME ZONE;
