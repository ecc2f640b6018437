-- The state database of the first release on sqlite, as its SQLAlchemy tables made it.
CREATE TABLE hallmark_versions (
    component VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (component)
);
CREATE TABLE outbox_events (
    id VARCHAR(64) NOT NULL,
    type VARCHAR(200) NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE snapshots (
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE outbox_deliveries (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    event_id VARCHAR(64) NOT NULL,
    destination VARCHAR(200) NOT NULL,
    entity TEXT NOT NULL,
    state VARCHAR(10) NOT NULL,
    attempts INTEGER NOT NULL,
    next_at FLOAT NOT NULL,
    token VARCHAR(36),
    last_error TEXT,
    delivered_at FLOAT,
    UNIQUE (event_id, destination),
    FOREIGN KEY(event_id) REFERENCES outbox_events (id)
);
CREATE INDEX outbox_waiting ON outbox_deliveries (destination, entity, seq) WHERE state IN ('pending', 'claimed', 'retry');
