// See handler.hpp.
#include "outbox/handler.hpp"

#include "pg/guard.hpp"
#include "pg/identity.hpp"
#include "pg/sql.hpp"

#include <map>

extern "C" {
#include "utils/inval.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

namespace outbox
{

namespace
{

constexpr int parameters = 20;
const Oid parameter_types[parameters] = {
    INT8OID, TEXTOID, NAMEOID,        TEXTOID, JSONBOID, TEXTOID,  INT4OID, INT4OID, TEXTOID,        TEXTOID,
    TEXTOID, UUIDOID, TIMESTAMPTZOID, NAMEOID, INT8OID,  BYTEAOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONOID};

// A function's quoted name, empty when there is none of that name and arguments, and whether it takes the
// reply as text beside the call.
struct Function {
    std::string name;
    bool takes_text{false};
};

// Functions by their names in k2bridge.endpoint, as long as no function or schema changes.
std::map<std::string, Function> *known_functions;
uint64 functions_era;

void forget_functions(Datum, int, uint32)
{
    known_functions->clear();
    ++functions_era;
}

void look_up(const char *name, Function &function)
{
    static pg::Statement statement(
        "SELECT pg_catalog.to_regprocedure($1 || '(k2bridge.call_row, json)')::pg_catalog.oid,"
        " pg_catalog.to_regprocedure($1 || '(k2bridge.call_row)')::pg_catalog.oid",
        TEXTOID);
    pg::run(statement, {CStringGetTextDatum(name)}, nullptr, true);
    bool no_text, none;
    const Oid with_text = DatumGetObjectId(pg::cell(0, 1, &no_text));
    const Oid plain = DatumGetObjectId(pg::cell(0, 2, &none));
    if (no_text && none)
        return;
    const Oid oid = no_text ? plain : with_text;
    function.name =
        quote_qualified_identifier(get_namespace_name(get_func_namespace(oid)), get_func_name(oid));
    function.takes_text = !no_text;
}

SPIPlanPtr plan_for(const Function &function)
{
    const char *sql = psprintf(
        "SELECT %s(ROW($1, $2, $3, $4, $5, $6, $7, nullif($8, 0), nullif($9, ''),"
        " nullif($10, ''), $11::pg_catalog.jsonb, NULL::pg_catalog.int8, NULL::pg_catalog.int8, $12, $13,"
        " $14, $19, $15 * pg_catalog.interval '1 microsecond', $16, nullif($17, ''),"
        " nullif($18, ''))::k2bridge.call_row%s)",
        function.name.c_str(), function.takes_text ? ", $20" : "");
    Oid types[parameters];
    std::copy(parameter_types, parameter_types + parameters, types);
    SPIPlanPtr plan = SPI_prepare(sql, parameters, types);
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        elog(ERROR, "could not prepare the call of %s: %s", function.name.c_str(),
             SPI_result_code_string(SPI_result));
    return plan;
}

// Plans by function and its arguments, kept for the life of the process.
SPIPlanPtr known_plan(const Function &function)
{
    static auto *plans = new std::map<std::pair<std::string, bool>, SPIPlanPtr>;
    const std::pair<std::string, bool> key(function.name, function.takes_text);
    const auto known = plans->find(key);
    if (known != plans->end())
        return known->second;
    SPIPlanPtr plan = pg::call([&] { return plan_for(function); });
    plans->emplace(key, plan);
    return plan;
}

Function find_function(const std::string &name, const std::string &endpoint, const char *what)
{
    if (known_functions == nullptr) {
        known_functions = new std::map<std::string, Function>;
        pg::call([] {
            CacheRegisterSyscacheCallback(PROCOID, forget_functions, 0);
            CacheRegisterSyscacheCallback(NAMESPACEOID, forget_functions, 0);
        });
    }
    const auto known = known_functions->find(name);
    if (known != known_functions->end())
        return known->second;
    const uint64 era = functions_era; // an invalidation while we look must not be lost
    Function function;
    pg::call([&] { look_up(name.c_str(), function); });
    if (function.name.empty())
        throw pg::Error(ERRCODE_UNDEFINED_FUNCTION, std::string(what) + " " + name +
                                                        "(k2bridge.call_row) of endpoint " + endpoint +
                                                        " does not exist");
    if (functions_era == era)
        known_functions->emplace(name, function);
    return function;
}

void call_function(const std::string &name, const char *what, const Job &job, const Result *result)
{
    const Function function = find_function(name, job.endpoint->name, what);
    SPIPlanPtr plan = known_plan(function);
    const Oid caller = pg::call([&] { return get_role_oid(job.created_by.c_str(), true); });
    pg::CallerScope as_caller(OidIsValid(caller) ? caller : GetUserId());
    pg::set_correlation(job.correlation);
    pg::call([&] {
        const char *outcome = result && result->outcome ? word(*result->outcome) : nullptr;
        char nulls[parameters + 1] = "                    ";
        const Datum reply = result && result->reply ? pg::text_datum(*result->reply) : 0;
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
            function.takes_text ? 0 : reply,
            UUIDPGetDatum(&story),
            TimestampTzGetDatum(job.created_at),
            pg::name_datum(job.created_by),
            Int64GetDatum(result ? result->duration : 0),
            result && result->content ? pg::bytea_datum(*result->content) : 0,
            result ? pg::text_datum(result->content_type) : 0,
            result ? pg::text_datum(result->file_name) : 0,
            TimestampTzGetDatum(GetCurrentTimestamp()),
            reply, // valid JSON, because jsonb reads it: json is the same text
        };
        for (int parameter : {4, 6, 9, 10, 11, 16, 17, 18, 20})
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
