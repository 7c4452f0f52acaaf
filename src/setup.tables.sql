
-- Which version these tables are of, compared by workers and doors with the library's.
CREATE TABLE IF NOT EXISTS k2bridge.schema_version (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE k2bridge.schema_version IS 'Version of the code for which k2bridge.setup() last ran.';
COMMENT ON COLUMN k2bridge.schema_version.singleton IS 'one row';
COMMENT ON COLUMN k2bridge.schema_version.version IS 'version of the extension';
COMMENT ON COLUMN k2bridge.schema_version.at IS 'when setup() first ran for it';
INSERT INTO k2bridge.schema_version (version) VALUES ('@EXTVERSION@')
    ON CONFLICT (singleton) DO UPDATE SET version = excluded.version, at = now()
    WHERE schema_version.version <> excluded.version;
