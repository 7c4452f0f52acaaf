// What SQL asks of the roster: who runs, and waking. Server idiom, plain data only.
#include "pg/worker.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "utils/tuplestore.h"
}

namespace schedule
{

namespace
{

using pg::RosterEntry;
using pg::Worker;

const char *kind_name(Worker kind)
{
    switch (kind) {
    case Worker::launcher:
        return "launcher";
    case Worker::dispatcher:
        return "dispatcher";
    case Worker::scheduler:
        return "scheduler";
    case Worker::listener:
        return "listener";
    }
    return "?";
}

// The launcher writes its texts without an encoding; what is none of ours becomes '?'.
Datum text_of(char *characters)
{
    if (!pg_verify_mbstr(GetDatabaseEncoding(), characters, static_cast<int>(strlen(characters)), true))
        for (char *c = characters; *c; ++c)
            if (IS_HIGHBIT_SET(*c))
                *c = '?';
    return CStringGetTextDatum(characters);
}

void put(ReturnSetInfo *result, Datum (&values)[8], bool (&nulls)[8])
{
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void put_entry(ReturnSetInfo *result, RosterEntry &entry, const char *database)
{
    const bool silent = entry.error[0] == '\0';
    Datum values[8] = {CStringGetTextDatum(kind_name(entry.kind)),
                       CStringGetTextDatum(database),
                       Int32GetDatum(entry.pid),
                       entry.state[0] ? text_of(entry.state) : CStringGetTextDatum("starting"),
                       TimestampTzGetDatum(entry.started),
                       silent ? 0 : text_of(entry.error),
                       TimestampTzGetDatum(entry.error_at),
                       entry.hint[0] ? text_of(entry.hint) : 0};
    bool nulls[8] = {false,  entry.kind == Worker::launcher, false, false, false, silent,
                     silent, entry.hint[0] == '\0'};
    put(result, values, nulls);
}

void put_missing(ReturnSetInfo *result, Worker kind, const char *name, const char *error, const char *hint)
{
    Datum values[8] = {CStringGetTextDatum(kind_name(kind)),
                       name ? CStringGetTextDatum(name) : 0,
                       0,
                       CStringGetTextDatum("not running"),
                       0,
                       CStringGetTextDatum(error),
                       0,
                       hint ? CStringGetTextDatum(hint) : 0};
    bool nulls[8] = {false, name == nullptr, true, false, true, false, true, hint == nullptr};
    put(result, values, nulls);
}

// Why no worker of this kind runs; the left entry of the roster knows it best.
void explain_missing(ReturnSetInfo *result, Worker kind, const char *database)
{
    RosterEntry entry;
    if (pg::roster::find(MyDatabaseId, kind, 0, &entry) && entry.left == pg::Left::nothing_here)
        put_missing(result, kind, database, "the last one found no tables of k2bridge",
                    "Run: SELECT k2bridge.setup();");
    else
        put_missing(result, kind, database, "no such process runs now",
                    "The launcher starts it again; see the server log.");
}

} // namespace

} // namespace schedule

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_workers);
PG_FUNCTION_INFO_V1(k2bridge_database_listed);
PG_FUNCTION_INFO_V1(k2bridge_wake_scheduler);
PG_FUNCTION_INFO_V1(k2bridge_wake_launcher);

// k2bridge.workers() → setof (kind, name, pid, state, since, last_error, last_error_at, hint)
PGDLLEXPORT Datum k2bridge_workers(PG_FUNCTION_ARGS)
{
    using namespace schedule;
    InitMaterializedSRF(fcinfo, 0);
    ReturnSetInfo *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    const char *database = get_database_name(MyDatabaseId);
    if (!pg::roster::available()) {
        put_missing(result, Worker::launcher, nullptr, "no worker runs: k2bridge is not preloaded",
                    "Add to postgresql.conf: shared_preload_libraries = 'k2bridge', and restart.");
        return (Datum)0;
    }
    RosterEntry *entries = static_cast<RosterEntry *>(palloc(sizeof(RosterEntry) * pg::roster_size));
    const int count = pg::roster::list(entries);
    bool present[4] = {};
    for (int i = 0; i < count; ++i)
        if (!OidIsValid(entries[i].database) || entries[i].database == MyDatabaseId) {
            present[static_cast<int>(entries[i].kind)] = true;
            put_entry(result, entries[i], database);
        }
    if (!present[static_cast<int>(Worker::launcher)])
        put_missing(result, Worker::launcher, nullptr,
                    RecoveryInProgress() ? "this server is a standby" : "the launcher does not run",
                    RecoveryInProgress() ? "It starts by itself after promotion." : "See the server log.");
    else if (!pg::listed(database))
        put_missing(result, Worker::dispatcher, database, "no worker serves this database",
                    psprintf("Add \"%s\" to k2bridge.databases and reload.", database));
    else
        for (Worker kind : {Worker::dispatcher, Worker::scheduler, Worker::listener})
            if ((kind != Worker::listener || settings::listen_port > 0) && !present[static_cast<int>(kind)])
                explain_missing(result, kind, database);
    return (Datum)0;
}

PGDLLEXPORT Datum k2bridge_database_listed(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    PG_RETURN_BOOL(pg::listed(get_database_name(MyDatabaseId)));
}

PGDLLEXPORT Datum k2bridge_wake_scheduler(PG_FUNCTION_ARGS)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("k2bridge.wake_scheduler was not called by trigger manager"));
    // Its own claims, which find nothing most of the time, must not wake it again.
    if (!pg::roster::is_me(pg::Worker::scheduler))
        pg::wake_at_commit(pg::Worker::scheduler);
    return PointerGetDatum(nullptr);
}

PGDLLEXPORT Datum k2bridge_wake_launcher(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    pg::wake_at_commit(pg::Worker::launcher);
    PG_RETURN_VOID();
}
}
