// See handler.hpp.
#include "outbox/handler.hpp"

#include "pg/guard.hpp"
#include "pg/identity.hpp"
#include "pg/sql.hpp"

#include <map>

extern "C" {
#include "utils/regproc.h"
}

namespace outbox
{

namespace
{

constexpr int parameters = 19;
const Oid parameter_types[parameters] = {
    INT8OID, TEXTOID, NAMEOID,        TEXTOID, JSONBOID, TEXTOID,  INT4OID, INT4OID, TEXTOID,       TEXTOID,
    TEXTOID, UUIDOID, TIMESTAMPTZOID, NAMEOID, INT8OID,  BYTEAOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};

// The function's quoted name, or null when there is none of that name and argument.
const char *qualified(const char *name)
{
    static pg::Statement statement(
        "SELECT pg_catalog.to_regprocedure($1 || '(k2bridge.call_row)')::pg_catalog.oid", TEXTOID);
    pg::run(statement, {CStringGetTextDatum(name)}, nullptr, true);
    bool null;
    const Oid function = DatumGetObjectId(pg::cell(0, 1, &null));
    if (null)
        return nullptr;
    return quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
                                      get_func_name(function));
}

SPIPlanPtr plan_for(const char *function)
{
    const char *sql = psprintf(
        "SELECT %s(ROW($1, $2, $3, $4, $5, $6, $7, nullif($8, 0), nullif($9, ''),"
        " nullif($10, ''), $11::pg_catalog.jsonb, NULL::pg_catalog.int8, NULL::pg_catalog.int8, $12, $13,"
        " $14, $19, $15 * pg_catalog.interval '1 microsecond', $16, nullif($17, ''),"
        " nullif($18, ''))::k2bridge.call_row)",
        function);
    Oid types[parameters];
    std::copy(parameter_types, parameter_types + parameters, types);
    SPIPlanPtr plan = SPI_prepare(sql, parameters, types);
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        elog(ERROR, "could not prepare the call of %s: %s", function, SPI_result_code_string(SPI_result));
    return plan;
}

// Plans by the quoted name of the function, kept for the life of the process.
SPIPlanPtr known_plan(const std::string &function)
{
    static auto *plans = new std::map<std::string, SPIPlanPtr>;
    const auto known = plans->find(function);
    if (known != plans->end())
        return known->second;
    SPIPlanPtr plan = pg::call([&] { return plan_for(function.c_str()); });
    plans->emplace(function, plan);
    return plan;
}

std::string find_function(const std::string &name, const std::string &endpoint, const char *what)
{
    const char *function = pg::call([&] { return qualified(name.c_str()); });
    if (function == nullptr)
        throw pg::Error(ERRCODE_UNDEFINED_FUNCTION, std::string(what) + " " + name +
                                                        "(k2bridge.call_row) of endpoint " + endpoint +
                                                        " does not exist");
    return function;
}

void call_function(const std::string &name, const char *what, const Job &job, const Result *result)
{
    SPIPlanPtr plan = known_plan(find_function(name, job.endpoint->name, what));
    const Oid caller = pg::call([&] { return get_role_oid(job.created_by.c_str(), true); });
    pg::CallerScope as_caller(OidIsValid(caller) ? caller : GetUserId());
    pg::set_correlation(job.correlation);
    pg::call([&] {
        const char *outcome = result && result->outcome ? word(*result->outcome) : nullptr;
        char nulls[parameters + 1] = "                   ";
        auto absent = [&nulls](int parameter) { nulls[parameter - 1] = 'n'; };
        pg_uuid_t story = job.correlation;
        Datum values[parameters] = {
            Int64GetDatum(job.id),
            pg::text_datum(job.endpoint->name),
            pg::name_datum(job.server),
            job.subject ? pg::text_datum(*job.subject) : 0,
            PointerGetDatum(args_of(job)),
            outcome ? CStringGetTextDatum(outcome) : 0,
            Int32GetDatum(job.attempts + (result ? result->counted : 0)),
            Int32GetDatum(result ? result->http_status : 0),
            result ? pg::text_datum(result->code) : 0,
            result ? pg::text_datum(result->text) : 0,
            result && result->reply ? pg::text_datum(*result->reply) : 0,
            UUIDPGetDatum(&story),
            TimestampTzGetDatum(job.created_at),
            pg::name_datum(job.created_by),
            Int64GetDatum(result ? result->duration : 0),
            result && result->content ? pg::bytea_datum(*result->content) : 0,
            result ? pg::text_datum(result->content_type) : 0,
            result ? pg::text_datum(result->file_name) : 0,
            TimestampTzGetDatum(GetCurrentTimestamp()),
        };
        for (int parameter : {4, 6, 9, 10, 11, 16, 17, 18})
            if (values[parameter - 1] == 0)
                absent(parameter);
        const int done = SPI_execute_plan(plan, values, nulls, false, 0);
        if (done != SPI_OK_SELECT)
            elog(ERROR, "could not call %s: %s", name.c_str(), SPI_result_code_string(done));
    });
}

} // namespace

void run_handler(const Result &result)
{
    const Job &job = result.job;
    if (job.endpoint && !job.endpoint->handler.empty())
        call_function(job.endpoint->handler, "handler", job, &result);
}

void run_verify(const Job &job)
{
    if (job.endpoint && !job.endpoint->verify.empty())
        call_function(job.endpoint->verify, "verify function", job, nullptr);
}

} // namespace outbox
