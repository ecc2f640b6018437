-- A part of a stream's loads that one process lands and loads; the run that planned it publishes them all together.
CREATE TABLE IF NOT EXISTS ops.shards (
    run_id VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    source VARCHAR NOT NULL,
    stream VARCHAR NOT NULL,
    shard INTEGER NOT NULL,
    load_ids VARCHAR NOT NULL,      -- JSON
    status VARCHAR NOT NULL,        -- planned, loaded
    facts VARCHAR,                  -- JSON: the columns of what it loaded, of the stream and of its child tables
    planned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (run_id, attempt, source, stream, shard)
);
