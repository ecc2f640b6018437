-- The last sign of life of a run that other machines may look for, by the warehouse's own clock.
CREATE TABLE IF NOT EXISTS ops.heartbeats (
    run_id VARCHAR NOT NULL PRIMARY KEY,
    holder VARCHAR NOT NULL,        -- host:pid of the run
    beat_at TIMESTAMP WITH TIME ZONE NOT NULL
);
