// See activation.hpp; also k2bridge.machine(), the facts of this process that SQL cannot see.
#include "outbox/activation.hpp"

#include "pg/guard.hpp"
#include "pg/identity.hpp"
#include "pg/roster.hpp"
#include "pg/sql.hpp"

#include <unistd.h>

extern "C" {
#include "access/htup_details.h"
#include "access/xlog.h"
}

namespace outbox
{

namespace
{

constexpr int64 remembered_us = 1'000'000;

struct Answer {
    bool known, activated;
    CommandId command;
    TimestampTz at;
} answer;

bool hooked;

void forget_answer(XactEvent event, void *)
{
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
        answer.known = false;
}

pg::Statement matches("SELECT FROM k2bridge.activation a WHERE a.system_identifier OPERATOR(pg_catalog.=) $1"
                      " AND a.database_oid OPERATOR(pg_catalog.=) $2"
                      " AND pg_catalog.lower($3) OPERATOR(pg_catalog.=) ANY (a.hosts)",
                      INT8OID, OIDOID, TEXTOID);

bool ask(const std::string &host)
{
    pg::UserScope as_owner(pg::call(pg::tables_owner));
    return pg::call([&] {
        SPI_connect();
        const bool found = pg::run(matches, {Int64GetDatum(static_cast<int64>(GetSystemIdentifier())),
                                             ObjectIdGetDatum(MyDatabaseId), pg::text_datum(host)}) > 0;
        SPI_finish();
        return found;
    });
}

} // namespace

std::string host_name()
{
    char name[256];
    if (gethostname(name, sizeof name) != 0)
        return {};
    name[sizeof name - 1] = '\0';
    return name;
}

bool activated()
{
    if (!hooked)
        pg::call([] { RegisterXactCallback(forget_answer, nullptr); });
    hooked = true;
    const TimestampTz now = GetCurrentTimestamp();
    if (answer.known && answer.command == GetCurrentCommandId(false) && now - answer.at < remembered_us)
        return answer.activated;
    const bool found = ask(host_name());
    answer = {true, found, GetCurrentCommandId(false), now};
    return found;
}

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_machine);

// k2bridge.machine(): one row.
PGDLLEXPORT Datum k2bridge_machine(PG_FUNCTION_ARGS)
{
    TupleDesc row;
    if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    return pg::entry([=] {
        const std::string host = outbox::host_name();
        return pg::call([&] {
#ifdef USE_LZ4
            constexpr bool lz4 = true;
#else
            constexpr bool lz4 = false;
#endif
            Datum values[] = {CStringGetTextDatum(K2BRIDGE_VERSION),
                              BoolGetDatum(pg::roster::available()),
                              BoolGetDatum(lz4),
                              Int64GetDatum(static_cast<int64>(GetSystemIdentifier())),
                              ObjectIdGetDatum(MyDatabaseId),
                              CStringGetTextDatum(host.c_str())};
            bool nulls[lengthof(values)] = {};
            return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls));
        });
    });
}
}
