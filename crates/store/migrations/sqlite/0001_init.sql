-- One row per group commit: the records of every append that arrived while the commit before was being written.
CREATE TABLE journal (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    version       INTEGER NOT NULL,  -- of the body's form
    written_at_ms INTEGER NOT NULL,
    records       INTEGER NOT NULL,
    checksum      INTEGER NOT NULL,
    body          BLOB    NOT NULL
);

CREATE TABLE inbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant          TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    at_ms           INTEGER NOT NULL,
    receiver        TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    group_key       TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    UNIQUE (tenant, idempotency_key)
);

CREATE INDEX inbox_by_tenant ON inbox (tenant, id);

-- Small facts about the store itself.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
