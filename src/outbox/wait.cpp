// k2bridge.wait: until a call that was committed earlier has ended.
#include "pg/guard.hpp"
#include "pg/roster.hpp"
#include "pg/sql.hpp"
#include "pg/wait.hpp"

extern "C" {
#include "access/transam.h"
#include "commands/dbcommands.h"
#include "utils/datum.h"
}

namespace
{

enum class Found { finished, held, pending, nowhere };

struct Look {
    Found found;
    Datum row;
};

Datum copy_row(MemoryContext context)
{
    bool null;
    const Datum row = pg::cell(0, 1, &null);
    const MemoryContext former = MemoryContextSwitchTo(context);
    const Datum copy = datumCopy(row, false, -1);
    MemoryContextSwitchTo(former);
    return copy;
}

// One look at history and queue, each with a fresh snapshot.
Look look(int64 id, MemoryContext context)
{
    static pg::Statement ended(
        "SELECT ROW(c.id, c.endpoint, c.server, c.subject, c.args, c.outcome, c.attempts, c.http_status,"
        " c.error_code, c.error_text, c.reply, c.sent_as, c.resent_from, c.correlation, c.created_at,"
        " c.created_by, c.finished_at, c.duration, NULL, NULL, NULL)::k2bridge.call_row"
        " FROM k2bridge.call c WHERE c.id = $1 ORDER BY c.finished_at DESC LIMIT 1",
        INT8OID);
    static pg::Statement waiting(
        "SELECT ROW(o.id, o.endpoint, o.server, o.subject, o.args, o.state, o.attempts, o.http_status,"
        " o.error_code, o.last_error, o.reply, NULL, o.resent_from, o.correlation, o.created_at,"
        " o.created_by, NULL, NULL, NULL, NULL, NULL)::k2bridge.call_row, o.xmin,"
        " o.state IN ('answered', 'failed') AND o.wish IS NULL AND o.due_at > pg_catalog.now()"
        "   OR o.state = 'failed' AND o.wish IS NULL"
        " FROM k2bridge.outbox o WHERE o.id = $1",
        INT8OID);
    if (pg::run(ended, {Int64GetDatum(id)}) > 0)
        return {Found::finished, copy_row(context)};
    if (pg::run(waiting, {Int64GetDatum(id)}) == 0)
        // It may have ended between the two looks.
        return pg::run(ended, {Int64GetDatum(id)}) > 0 ? Look{Found::finished, copy_row(context)}
                                                       : Look{Found::nowhere, 0};
    bool null;
    if (TransactionIdIsCurrentTransactionId(DatumGetTransactionId(pg::cell(0, 2, &null))))
        ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                errmsg("call " INT64_FORMAT
                       " was queued in this transaction and is not sent before it commits",
                       id),
                errhint("Commit first, or use CALL k2bridge.deliver(...)."));
    return {pg::cell_bool(0, 3) ? Found::held : Found::pending, copy_row(context)};
}

bool dispatcher_runs()
{
    static pg::RosterEntry entries[pg::roster_size];
    const int count = pg::roster::list(entries);
    for (int i = 0; i < count; ++i)
        if (entries[i].kind == pg::Worker::dispatcher && entries[i].database == MyDatabaseId)
            return true;
    return false;
}

void require_dispatcher()
{
    if (!pg::roster::available() || !dispatcher_runs())
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("no dispatcher runs in database \"%s\"", get_database_name(MyDatabaseId)),
                errhint("Set shared_preload_libraries = 'k2bridge' and k2bridge.databases = '%s'; SELECT * "
                        "FROM k2bridge.status tells more.",
                        get_database_name(MyDatabaseId)));
}

} // namespace

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_wait);
PG_FUNCTION_INFO_V1(k2bridge_wake_dispatcher);

// k2bridge.wait(id bigint, timeout interval) → k2bridge.call_row
PGDLLEXPORT Datum k2bridge_wait(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("id must not be null"));
    const int64 id = PG_GETARG_INT64(0);
    const TimestampTz now = GetCurrentTimestamp();
    const TimestampTz deadline =
        PG_ARGISNULL(1) ? DT_NOEND
                        : DatumGetTimestampTz(DirectFunctionCall2(
                              timestamptz_pl_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(1)));
    if (IsolationUsesXactSnapshot())
        ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                errmsg("k2bridge.wait sees no other transaction's work at this isolation level"),
                errhint("Use READ COMMITTED."));
    const MemoryContext context = CurrentMemoryContext;
    long pause = 1;
    SPI_connect();
    for (;;) {
        const Look seen = look(id, context);
        if (seen.found == Found::nowhere)
            ereport(ERROR, errcode(ERRCODE_NO_DATA), errmsg("call " INT64_FORMAT " does not exist", id));
        if (seen.found == Found::finished || seen.found == Found::held || GetCurrentTimestamp() >= deadline) {
            SPI_finish();
            PG_RETURN_DATUM(seen.row);
        }
        require_dispatcher();
        pg::entry([pause] { pg::wait(-1, pause); });
        pause = std::min(pause * 2, 20L);
    }
}

// k2bridge.wake_dispatcher()
PGDLLEXPORT Datum k2bridge_wake_dispatcher(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    pg::wake_dispatcher_at_commit();
    PG_RETURN_VOID();
}
}
