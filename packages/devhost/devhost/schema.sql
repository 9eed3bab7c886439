-- The tables of a devhost state file.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE instances (
    id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, name TEXT NOT NULL, version TEXT, status INTEGER NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL, input TEXT, output TEXT, custom_status TEXT, parent TEXT,
    progress TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX instances_by_status ON instances (status);
-- One row per episode: its events, and the numbers among them that retries took.
CREATE TABLE history (
    id TEXT NOT NULL, episode INTEGER NOT NULL, events TEXT NOT NULL, retried TEXT NOT NULL, PRIMARY KEY (id, episode)
) WITHOUT ROWID;
CREATE TABLE work (
    id TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (id, number)
) WITHOUT ROWID;
CREATE TABLE inbox (row INTEGER PRIMARY KEY, id TEXT NOT NULL, event TEXT NOT NULL);
CREATE INDEX inbox_by_instance ON inbox (id);
CREATE TABLE entities (
    id TEXT PRIMARY KEY, present INTEGER NOT NULL, state TEXT, created TEXT NOT NULL, updated TEXT NOT NULL
) WITHOUT ROWID;
-- What the management API lists: orchestrations and, under IDs that begin with @, entities.
CREATE VIEW listed AS
    SELECT id, name, status, created, updated, input, output, custom_status, version, parent FROM instances
    UNION ALL
    SELECT id, substr(id, 1, instr(substr(id, 2), '@')), 0, created, updated, NULL, NULL, NULL, NULL, NULL
    FROM entities;
CREATE TABLE operations (row INTEGER PRIMARY KEY, entity TEXT NOT NULL, request TEXT NOT NULL);
CREATE TABLE schedules (function TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;
