
-- Commands that the scheduler runs.
CREATE TABLE IF NOT EXISTS k2bridge.schedule (
    name              text PRIMARY KEY,
    command           text NOT NULL CHECK (command ~ '\S'),
    every             interval NOT NULL CHECK (every BETWEEN '1 second' AND '10 years'),
    at                time,
    run_as            name NOT NULL,
    enabled           boolean NOT NULL DEFAULT true,
    statement_timeout interval CHECK (statement_timeout >= '0'),
    last_run          timestamptz,
    last_outcome      text,
    last_duration     interval,
    next_run          timestamptz NOT NULL
);
COMMENT ON TABLE k2bridge.schedule IS 'Commands that the scheduler runs, one after the other, each in a transaction of its own. Written by the owner of the tables only.';
COMMENT ON COLUMN k2bridge.schedule.name IS 'what it is called in k2bridge.status, problems and the log';
COMMENT ON COLUMN k2bridge.schedule.command IS 'SQL, schema-qualified (search_path is empty); no transaction control';
COMMENT ON COLUMN k2bridge.schedule.every IS 'interval between runs; missed runs are not made up for';
COMMENT ON COLUMN k2bridge.schedule.at IS 'time of day in k2bridge.timezone from which the interval counts; null: counts from the former run';
COMMENT ON COLUMN k2bridge.schedule.run_as IS 'role that runs it; the writer and the owner of the table must be members, and a superuser only where both are';
COMMENT ON COLUMN k2bridge.schedule.enabled IS 'false: never runs';
COMMENT ON COLUMN k2bridge.schedule.statement_timeout IS 'null: k2bridge.statement_timeout; 0: none';
COMMENT ON COLUMN k2bridge.schedule.last_run IS 'when it last began';
COMMENT ON COLUMN k2bridge.schedule.last_outcome IS '"ok", "running", or SQLSTATE and text of the error';
COMMENT ON COLUMN k2bridge.schedule.last_duration IS 'how long the last run took';
COMMENT ON COLUMN k2bridge.schedule.next_run IS 'when it runs next; set it to now() to run it at once';
CREATE OR REPLACE TRIGGER changed BEFORE INSERT OR UPDATE OF command, every, at, run_as ON k2bridge.schedule
    FOR EACH ROW EXECUTE FUNCTION k2bridge.owner_trigger('k2bridge.schedule_changed');
CREATE OR REPLACE TRIGGER wake AFTER INSERT OR UPDATE OR DELETE ON k2bridge.schedule
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('k2bridge.wake_scheduler');

INSERT INTO k2bridge.schedule (name, command, every, at, statement_timeout) VALUES
    ('abs.refresh_all_debts', 'SELECT abs.refresh_all_debts()', '6 hours', '05:00', '10 minutes'),
    ('abs.reconcile', 'SELECT abs.reconcile()', '1 day', '07:00', NULL),
    ('abs.push_exclusions', 'SELECT abs.push_exclusions()', '1 day', '08:00', NULL),
    ('k2bridge.note_servers', 'SELECT k2bridge.note_servers()', '5 minutes', '00:01', NULL),
    ('k2bridge.maintain', 'SELECT k2bridge.maintain()', '1 day', '03:00', '0')
ON CONFLICT (name) DO NOTHING;
