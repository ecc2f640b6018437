-- What a copy of a layer's published tables held; the columns mean what they mean in ops.publishes.
CREATE TABLE IF NOT EXISTS ops.kept (
    layer VARCHAR NOT NULL, slot TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL,
    datasets VARCHAR NOT NULL, loads_upto BIGINT NOT NULL, fingerprint VARCHAR NOT NULL,
    "at" TIMESTAMP WITH TIME ZONE NOT NULL
);
