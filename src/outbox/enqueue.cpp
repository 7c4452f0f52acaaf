// Every insert into k2bridge.outbox: as the owner of the tables, with the role that came in as created_by.
//
// The xid is assigned and due_at is stamped with the clock inside the insert, never earlier than it: the
// dispatcher relies on it when it moves its floor (dispatcher.cpp).
#include "pg/identity.hpp"
#include "pg/roster.hpp"
#include "settings.hpp"

extern "C" {
#include "utils/array.h"
}

namespace outbox
{

namespace
{

// $1 endpoint, $2 args, $3 subject, $4 server, $5 due_at, $6 created_by, $7 correlation
constexpr const char *insert_one_sql =
    R"(
    INSERT INTO k2bridge.outbox (endpoint, args, subject, server, due_at, created_by, correlation)
    SELECT $1, $2, $3, $4, greatest($5, pg_catalog.clock_timestamp()), $6, $7
      FROM k2bridge.endpoint e
     WHERE e.name OPERATOR(pg_catalog.=) $1
    RETURNING id)";

// The same of arrays of endpoints, args, subjects and servers.
constexpr const char *insert_many_sql =
    R"(
    INSERT INTO k2bridge.outbox (endpoint, args, subject, server, due_at, created_by, correlation)
    SELECT n.endpoint, n.args, n.subject, n.server, greatest($5, pg_catalog.clock_timestamp()), $6, $7
      FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))
           WITH ORDINALITY AS n (endpoint, args, subject, server, position)
      JOIN k2bridge.endpoint e ON e.name OPERATOR(pg_catalog.=) n.endpoint
     ORDER BY n.position
    RETURNING id)";

constexpr int columns = 7;

SPIPlanPtr prepare_insert(const char *sql, const Oid (&first_types)[4])
{
    Oid types[columns] = {first_types[0], first_types[1], first_types[2], first_types[3],
                          TIMESTAMPTZOID, NAMEOID,        UUIDOID};
    SPIPlanPtr plan = SPI_prepare(sql, columns, types);
    if (plan == nullptr)
        elog(ERROR, "could not prepare the insert into k2bridge.outbox");
    SPI_keepplan(plan);
    return plan;
}

SPIPlanPtr insert_plan(bool one)
{
    static SPIPlanPtr insert_one = nullptr, insert_many = nullptr;
    if (one && insert_one == nullptr)
        insert_one = prepare_insert(insert_one_sql, {TEXTOID, JSONBOID, TEXTOID, NAMEOID});
    if (!one && insert_many == nullptr)
        insert_many =
            prepare_insert(insert_many_sql, {TEXTARRAYOID, JSONBARRAYOID, TEXTARRAYOID, NAMEARRAYOID});
    return one ? insert_one : insert_many;
}

// Runs SQL with the rights of the owner of the tables.
template <typename Action> void as_owner(Oid owner, Action action)
{
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
    SPI_connect();
    action();
    SPI_finish();
    SetUserIdAndSecContext(user, context);
}

// Queueing may be switched off for loading history; only the owner of the tables may do so, and it is
// audited.
bool switched_off(Oid owner)
{
    if (settings::enqueue)
        return false;
    const Oid caller = pg::caller();
    if (caller != owner && !superuser_arg(caller))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("only the owner of the tables of k2bridge may set k2bridge.enqueue to off"));
    NameData actor;
    namestrcpy(&actor, GetUserNameFromId(caller, false));
    pg_uuid_t story = pg::correlation();
    as_owner(owner, [&] {
        Oid types[] = {NAMEOID, UUIDOID};
        Datum values[] = {NameGetDatum(&actor), UUIDPGetDatum(&story)};
        SPI_execute_with_args("SELECT k2bridge.record_withheld($1, $2)", 2, types, values, nullptr, false, 0);
    });
    return true;
}

[[noreturn]] void unknown_endpoint(ArrayType *endpoints)
{
    Oid types[] = {TEXTARRAYOID};
    Datum values[] = {PointerGetDatum(endpoints)};
    SPI_execute_with_args("SELECT n FROM pg_catalog.unnest($1) n WHERE NOT EXISTS"
                          " (SELECT FROM k2bridge.endpoint e WHERE e.name OPERATOR(pg_catalog.=) n) LIMIT 1",
                          1, types, values, nullptr, true, 1);
    const char *missing =
        SPI_processed == 0 ? "?" : SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("endpoint \"%s\" does not exist", missing),
            errhint("SELECT name FROM k2bridge.endpoint lists the endpoints."));
}

// Whoever queues a call that moves money himself, not through a function or trigger of ours, must have the
// right of the function that does so; otherwise the right to enqueue would be the right to pay.
void require_right(Oid owner, ArrayType *endpoints)
{
    if (GetUserId() == owner)
        return;
    NameData role;
    namestrcpy(&role, GetUserNameFromId(pg::caller(), false));
    as_owner(owner, [&] {
        Oid types[] = {TEXTARRAYOID, NAMEOID};
        Datum values[] = {PointerGetDatum(endpoints), NameGetDatum(&role)};
        SPI_execute_with_args(
            "SELECT n FROM pg_catalog.unnest($1) n WHERE NOT k2bridge.may_move(n, $2) LIMIT 1", 2, types,
            values, nullptr, true, 1);
        if (SPI_processed > 0)
            ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("role \"%s\" may not queue calls to %s", NameStr(role),
                           SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
                    errhint("That takes EXECUTE on the function that queues them (k2bridge.grant_access)."));
    });
}

// What is to be queued: one call, or arrays of endpoints, args, subjects and servers.
struct Calls {
    bool one;
    int count;
    ArrayType *endpoints;
    Datum values[4];
    bool nulls[4];
};

// Inserts the rows and returns their ids as bigint[]; null when queueing is switched off.
ArrayType *insert(const Calls &calls, TimestampTz due_at)
{
    const Oid owner = pg::tables_owner();
    if (switched_off(owner))
        return nullptr;
    require_right(owner, calls.endpoints);
    NameData created_by;
    namestrcpy(&created_by, GetUserNameFromId(pg::caller(), false));
    pg_uuid_t story = pg::correlation();
    Datum values[columns] = {calls.values[0],
                             calls.values[1],
                             calls.values[2],
                             calls.values[3],
                             TimestampTzGetDatum(due_at),
                             NameGetDatum(&created_by),
                             UUIDPGetDatum(&story)};
    char nulls[columns + 1] = "       ";
    for (int i = 0; i < 4; ++i)
        if (calls.nulls[i])
            nulls[i] = 'n';
    const MemoryContext caller_context = CurrentMemoryContext;
    (void)GetCurrentTransactionId();
    ArrayType *result = nullptr;
    as_owner(owner, [&] {
        if (SPI_execute_plan(insert_plan(calls.one), values, nulls, false, 0) != SPI_OK_INSERT_RETURNING)
            elog(ERROR, "could not insert into k2bridge.outbox");
        const uint64 inserted = SPI_processed;
        if (inserted != static_cast<uint64>(calls.count))
            unknown_endpoint(calls.endpoints);
        Datum *ids = static_cast<Datum *>(palloc(sizeof(Datum) * (inserted + 1)));
        bool null;
        for (uint64 i = 0; i < inserted; ++i)
            ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);
        const MemoryContext spi_context = MemoryContextSwitchTo(caller_context);
        result =
            construct_array(ids, static_cast<int>(inserted), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
        MemoryContextSwitchTo(spi_context);
    });
    pg::wake_dispatcher_at_commit();
    return result;
}

} // namespace

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_enqueue);
PG_FUNCTION_INFO_V1(k2bridge_enqueue_all);

// k2bridge.enqueue(endpoint text, args jsonb, subject text, server name, due_at timestamptz) → bigint
PGDLLEXPORT Datum k2bridge_enqueue(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("endpoint must not be null"));
    if (PG_ARGISNULL(1))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("args must not be null"),
                errhint("An endpoint without arguments takes '{}'."));
    Datum endpoint = PG_GETARG_DATUM(0);
    ArrayType *endpoints = construct_array(&endpoint, 1, TEXTOID, -1, false, TYPALIGN_INT);
    const outbox::Calls call{true,
                             1,
                             endpoints,
                             {endpoint, PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), PG_GETARG_DATUM(3)},
                             {false, false, PG_ARGISNULL(2), PG_ARGISNULL(3)}};
    ArrayType *ids = outbox::insert(call, PG_ARGISNULL(4) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(4));
    if (ids == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_INT64(*reinterpret_cast<int64 *>(ARR_DATA_PTR(ids)));
}

// k2bridge.enqueue_all(endpoints text[], args jsonb[], subjects text[], servers name[], due_at timestamptz) →
// bigint[]
PGDLLEXPORT Datum k2bridge_enqueue_all(PG_FUNCTION_ARGS)
{
    ArrayType *endpoints = PG_GETARG_ARRAYTYPE_P(0);
    const int count = ArrayGetNItems(ARR_NDIM(endpoints), ARR_DIMS(endpoints));
    for (int i = 1; i < 4; ++i)
        if (ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(i)), ARR_DIMS(PG_GETARG_ARRAYTYPE_P(i))) != count)
            ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                    errmsg("the arrays must be of one length"));
    const outbox::Calls calls{
        false,
        count,
        endpoints,
        {PointerGetDatum(endpoints), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), PG_GETARG_DATUM(3)},
        {}};
    ArrayType *ids = outbox::insert(calls, PG_GETARG_TIMESTAMPTZ(4));
    if (ids == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_ARRAYTYPE_P(ids);
}
}
