-- One row per attempt to deliver a message: what people read to find out what became of it.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant      TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,  -- when the attempt began
    took_ms     INTEGER NOT NULL,
    receiver    TEXT    NOT NULL,
    integration TEXT    NOT NULL,
    group_key   TEXT    NOT NULL,
    status      TEXT    NOT NULL,  -- firing or resolved
    reason      TEXT    NOT NULL,  -- why the message was sent
    message_key TEXT    NOT NULL,  -- the same for every attempt at one message
    attempt     INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    failure     TEXT    NOT NULL,  -- the class of a failure, as metrics name it
    answer      TEXT    NOT NULL,
    fallback    TEXT    NOT NULL   -- which templates failed
);

CREATE INDEX deliveries_by_tenant ON deliveries (tenant, id);
