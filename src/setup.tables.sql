
-- Which version these tables are of, compared by workers and doors with the library's.
CREATE TABLE IF NOT EXISTS k2bridge.schema_version (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE k2bridge.schema_version IS 'Version of the code for which k2bridge.setup() last ran.';
INSERT INTO k2bridge.schema_version (version) VALUES ('@EXTVERSION@')
    ON CONFLICT (singleton) DO UPDATE SET version = excluded.version, at = now()
    WHERE schema_version.version <> excluded.version;
