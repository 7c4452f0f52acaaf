// The scheduler: runs the due rows of k2bridge.schedule one after the other, each as its run_as and in a
// transaction of its own. A row is claimed (next_run moved on, committed) before its command runs, so that a
// command which takes the server down is not run again at once, and its outcome is written afterwards.
#include "pg/identity.hpp"
#include "pg/sql.hpp"
#include "pg/worker.hpp"

#include <map>

extern "C" {
#include "catalog/pg_authid.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "storage/lock.h"
#include "utils/portal.h"
}

namespace schedule
{

namespace
{

struct Run {
    std::string name, command, run_as, former_outcome;
    int statement_timeout;
};

struct Outcome {
    std::string text;
    int64 microseconds;
};

// Rows that somebody edits right now are left for a later turn: a forgotten transaction stops only its own
// row. The former outcome is returned to log an error only when it is news.
pg::Statement claim_statement(
    R"(
    WITH due AS (
        SELECT d.name, d.last_outcome
          FROM k2bridge.schedule d
         WHERE d.enabled AND d.next_run OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()
         ORDER BY d.next_run, d.name
         LIMIT 1
           FOR UPDATE SKIP LOCKED
    )
    UPDATE k2bridge.schedule s
       SET last_run = pg_catalog.clock_timestamp(), last_outcome = 'running',
           next_run = k2bridge.next_run(s.every, s.at, s.next_run, pg_catalog.clock_timestamp())
      FROM due
     WHERE s.name OPERATOR(pg_catalog.=) due.name
    RETURNING s.name, s.command, s.run_as, due.last_outcome,
              CASE WHEN s.statement_timeout IS NULL THEN -1
                   ELSE least(extract(epoch FROM s.statement_timeout) OPERATOR(pg_catalog.*) 1000,
                              2147483647)::pg_catalog.int4 END)");

pg::Statement next_statement(R"(
    SELECT coalesce(greatest(extract(epoch FROM pg_catalog.min(s.next_run)
                                     OPERATOR(pg_catalog.-) pg_catalog.clock_timestamp())
                             OPERATOR(pg_catalog.*) 1000, 0), -1)::pg_catalog.int8
      FROM k2bridge.schedule s
     WHERE s.enabled)");

// A null last_outcome: the row is gone, or somebody edits it (then `waiting`).
pg::Statement record_statement(
    R"(
    WITH mine AS (
        SELECT m.name
          FROM k2bridge.schedule m
         WHERE m.name OPERATOR(pg_catalog.=) $1
           FOR UPDATE SKIP LOCKED
    ), written AS (
        UPDATE k2bridge.schedule s
           SET last_outcome = $2, last_duration = pg_catalog.make_interval(secs => $3 OPERATOR(pg_catalog./) 1e6)
          FROM mine
         WHERE s.name OPERATOR(pg_catalog.=) mine.name
        RETURNING 1
    )
    SELECT (SELECT pg_catalog.count(*) FROM written) OPERATOR(pg_catalog.>) 0
           OR NOT EXISTS (SELECT FROM k2bridge.schedule g WHERE g.name OPERATOR(pg_catalog.=) $1))",
    TEXTOID, TEXTOID, FLOAT8OID);

pg::Statement interrupted_statement(
    R"(
    UPDATE k2bridge.schedule s
       SET last_outcome = 'interrupted: the server or the scheduler stopped'
      FROM (SELECT r.name
              FROM k2bridge.schedule r
             WHERE r.last_outcome OPERATOR(pg_catalog.=) 'running'
               FOR UPDATE SKIP LOCKED) left_behind
     WHERE s.name OPERATOR(pg_catalog.=) left_behind.name)");

void require(const std::optional<pg::CaughtError> &error)
{
    if (error)
        pg::raise(*error);
}

// Who may be run_as is decided by what the owner of the tables may be, not by anything the table says: its
// owner could write any name there. Inside a transaction.
Oid permitted_role(const char *name)
{
    const Oid role = get_role_oid(name, false), owner = pg::tables_owner();
    if (!is_member_of_role(owner, role) || (superuser_arg(role) && !superuser_arg(owner)))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("the schedule may not run commands as role \"%s\"", name),
                errhint("Choose a role that the owner of k2bridge.schedule, \"%s\", is a member of.",
                        GetUserNameFromId(owner, false)));
    return role;
}

void execute(const char *command)
{
    const int result = SPI_execute(command, false, 0);
    if (result < 0)
        ereport(
            ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            errmsg("the schedule cannot run this command: %s", SPI_result_code_string(result)),
            errhint("Commands that control transactions or need to be outside of one cannot be scheduled."));
}

// What a command may have left in the session: DISCARD ALL without its ban inside a transaction.
void discard_session()
{
    PortalHashTableDeleteAll();
    DropAllPreparedStatements();
    LockReleaseAll(USER_LOCKMETHOD, true);
    ResetTempTableNamespace();
    ResetSequenceCaches();
}

std::string describe(const pg::CaughtError &error)
{
    char state[6];
    strlcpy(state, unpack_sql_state(error.sqlstate), sizeof state);
    std::string text = std::string(state) + ": " + error.message;
    if (!error.detail.empty())
        text += "\nDETAIL: " + error.detail;
    return text;
}

class Scheduler : public pg::Work
{
public:
    long turn() override
    {
        if (!prepared) {
            in_transaction([] { pg::call([] { pg::run(interrupted_statement, {}); }); });
            prepared = true;
        }
        write_outcomes();
        Run run;
        if (claim(run)) {
            pg::roster::tell_state(("running " + run.name).c_str());
            outcomes[run.name] = perform(run);
            require(pg::transaction({nullptr, BOOTSTRAP_SUPERUSERID}, [] { pg::call(discard_session); }));
            pg::roster::tell_state("running");
            write_outcomes();
            return 0;
        }
        const long next = until_next();
        return !outcomes.empty() || next == 0 ? retry_ms : next;
    }

private:
    static constexpr long retry_ms = 500;

    static void in_transaction(const std::function<void()> &f) { require(pg::transaction({nullptr}, f)); }

    static bool claim(Run &run)
    {
        bool claimed = false;
        in_transaction([&] {
            claimed = pg::call([] { return pg::run(claim_statement, {}) == 1; });
            if (claimed)
                pg::call([&run] {
                    pg::cell_text(0, 1, run.name);
                    pg::cell_text(0, 2, run.command);
                    pg::cell_text(0, 3, run.run_as);
                    pg::cell_text(0, 4, run.former_outcome);
                    run.statement_timeout = pg::cell_int4(0, 5);
                });
        });
        return claimed;
    }

    static long until_next()
    {
        long ms = -1;
        in_transaction([&ms] {
            ms = pg::call([] {
                pg::run(next_statement, {}, nullptr, true);
                return static_cast<long>(std::min<int64>(pg::cell_int8(0, 1), 3600000));
            });
        });
        return ms;
    }

    static Outcome perform(const Run &run)
    {
        const TimestampTz begin = GetCurrentTimestamp();
        Oid role = InvalidOid;
        std::optional<pg::CaughtError> error = pg::transaction(
            {nullptr}, [&] { role = pg::call([&] { return permitted_role(run.run_as.c_str()); }); });
        if (!error) {
            const int timeout =
                run.statement_timeout < 0 ? settings::statement_timeout : run.statement_timeout;
            error = pg::transaction({run.command.c_str(), role, timeout},
                                    [&] { pg::call([&] { execute(run.command.c_str()); }); });
        }
        Outcome outcome{error ? describe(*error) : "ok", GetCurrentTimestamp() - begin};
        if (error && outcome.text != run.former_outcome) {
            error->context =
                "schedule \"" + run.name + "\"" + (error->context.empty() ? "" : "\n" + error->context);
            pg::log_error(WARNING, *error);
        }
        return outcome;
    }

    void write_outcomes()
    {
        for (auto next = outcomes.begin(); next != outcomes.end();) {
            bool done = false;
            in_transaction([&] {
                done = pg::call([&] {
                    pg::run(record_statement,
                            {CStringGetTextDatum(next->first.c_str()),
                             CStringGetTextDatum(next->second.text.c_str()),
                             Float8GetDatum(static_cast<double>(next->second.microseconds))});
                    return pg::cell_bool(0, 1);
                });
            });
            next = done ? outcomes.erase(next) : std::next(next);
        }
    }

    std::map<std::string, Outcome> outcomes; // not written yet: somebody held the row
    bool prepared = false;
};

} // namespace

} // namespace schedule

extern "C" {
PGDLLEXPORT void k2bridge_scheduler_main(Datum argument);

PGDLLEXPORT void k2bridge_scheduler_main(Datum argument)
{
    if (pg::start_worker(pg::Worker::scheduler, argument))
        pg::entry([] {
            schedule::Scheduler scheduler;
            pg::run_loop(scheduler);
        });
    proc_exit(0);
}
}
