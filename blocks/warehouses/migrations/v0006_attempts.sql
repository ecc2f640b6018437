-- Which attempt at its slot a run is: a run that its next pod takes over is one more.
ALTER TABLE ops.batches ADD COLUMN IF NOT EXISTS attempt INTEGER;
