-- The ledger: what was read, published, kept back, decided and told. The same on every warehouse.
-- Times are UTC. Keys are declared for readers; Snowflake does not enforce them, the row lock in ops.streams does.
CREATE TABLE IF NOT EXISTS ops.streams (
    source VARCHAR NOT NULL, stream VARCHAR NOT NULL,
    "schema" VARCHAR,               -- JSON [{name, type}] of what bronze holds
    status VARCHAR NOT NULL,        -- new, publishing, published, failed, held
    holder VARCHAR,                 -- host:pid of the publisher
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (source, stream)
);
CREATE TABLE IF NOT EXISTS ops.batches (
    slot TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,         -- running, completed, failed, partial (a run of some streams or layers)
    started_at TIMESTAMP WITH TIME ZONE NOT NULL, finished_at TIMESTAMP WITH TIME ZONE,
    summary VARCHAR,                -- JSON of `hallmark run --json`
    PRIMARY KEY (slot, run_id)
);
CREATE TABLE IF NOT EXISTS ops.publishes (
    slot TIMESTAMP WITH TIME ZONE NOT NULL, layer VARCHAR NOT NULL, run_id VARCHAR NOT NULL,
    datasets VARCHAR NOT NULL,      -- JSON [name]
    stale_since VARCHAR,            -- JSON {dataset: slot of its data} for those downstream of a failed stream
    loads_upto BIGINT NOT NULL,     -- publish_seq of the newest load inside
    fingerprint VARCHAR NOT NULL,   -- of the dbt project that built it; another one builds in full
    "at" TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.profiles (
    dataset VARCHAR NOT NULL, "column" VARCHAR NOT NULL, slot TIMESTAMP WITH TIME ZONE NOT NULL,
    "rows" BIGINT, nulls BIGINT, "distinct" BIGINT, mean DOUBLE, quantiles VARCHAR
);
CREATE TABLE IF NOT EXISTS ops.loads (
    load_id VARCHAR PRIMARY KEY, run_id VARCHAR NOT NULL, attempt INTEGER NOT NULL,
    slot TIMESTAMP WITH TIME ZONE NOT NULL, source VARCHAR NOT NULL, stream VARCHAR NOT NULL,
    identity VARCHAR NOT NULL UNIQUE, lower VARCHAR, upper VARCHAR,
    rows_read BIGINT, rows_published BIGINT, rows_unchanged BIGINT, rows_quarantined BIGINT, rows_deleted BIGINT,
    bytes BIGINT, started_at TIMESTAMP WITH TIME ZONE NOT NULL, finished_at TIMESTAMP WITH TIME ZONE,
    status VARCHAR NOT NULL,        -- planned, landed, published, duplicate, failed, held
    error VARCHAR,
    publish_seq BIGINT,             -- order of publication, for the incremental models
    path VARCHAR, size BIGINT, mtime_ns BIGINT  -- of a file, so that one seen before is not hashed again
);
CREATE TABLE IF NOT EXISTS ops.quarantine (
    id VARCHAR PRIMARY KEY, load_id VARCHAR NOT NULL, source VARCHAR NOT NULL, stream VARCHAR NOT NULL,
    layer VARCHAR NOT NULL, position VARCHAR NOT NULL, reason_code VARCHAR NOT NULL, reason VARCHAR NOT NULL,
    raw VARCHAR,                    -- up to 64 KiB; what does not fit or is not text is the byte range
    byte_from BIGINT, byte_to BIGINT,  -- in the landed file
    quarantined_at TIMESTAMP WITH TIME ZONE NOT NULL, attempts INTEGER NOT NULL,
    replayed_at TIMESTAMP WITH TIME ZONE, replay_load_id VARCHAR,
    tried_rules VARCHAR             -- fingerprint of the stream's rules at the last replay, which fail again
);
CREATE TABLE IF NOT EXISTS ops.gates (
    run_id VARCHAR NOT NULL, attempt INTEGER NOT NULL, slot TIMESTAMP WITH TIME ZONE NOT NULL,
    layer VARCHAR NOT NULL, dataset VARCHAR NOT NULL, check_id VARCHAR NOT NULL, column_name VARCHAR,
    type VARCHAR NOT NULL, severity VARCHAR NOT NULL, success BOOLEAN NOT NULL, observed VARCHAR, threshold VARCHAR,
    failed_rows BIGINT, published BOOLEAN NOT NULL, "at" TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.builds (
    run_id VARCHAR NOT NULL, slot TIMESTAMP WITH TIME ZONE NOT NULL, layer VARCHAR NOT NULL, dataset VARCHAR NOT NULL,
    rows_before BIGINT, rows_after BIGINT, rows_quarantined BIGINT,
    status VARCHAR NOT NULL,        -- published, blocked, skipped
    published_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE IF NOT EXISTS ops.cursors (
    source VARCHAR NOT NULL, stream VARCHAR NOT NULL, value VARCHAR, load_id VARCHAR NOT NULL,
    PRIMARY KEY (source, stream)
);
CREATE TABLE IF NOT EXISTS ops.events (
    id VARCHAR PRIMARY KEY, type VARCHAR NOT NULL, subject VARCHAR NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL, data VARCHAR NOT NULL,  -- JSON
    relayed_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE IF NOT EXISTS ops.actions (
    "at" TIMESTAMP WITH TIME ZONE NOT NULL, actor VARCHAR NOT NULL, action VARCHAR NOT NULL, target VARCHAR NOT NULL,
    reason VARCHAR, until TIMESTAMP WITH TIME ZONE
);
