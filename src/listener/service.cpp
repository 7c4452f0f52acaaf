// See service.hpp.
#include "listener/service.hpp"

#include "pg/identity.hpp"

#include <map>

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/numeric.h"
#include "utils/fmgrprotos.h"
#include "utils/timeout.h"
}

namespace listener
{

namespace
{

// Prepared calls by the quoted name of the function, for the life of the process.
SPIPlanPtr plan_of(const std::string &function)
{
    static auto *plans = new std::map<std::string, SPIPlanPtr>;
    const auto known = plans->find(function);
    if (known != plans->end())
        return known->second;
    SPIPlanPtr plan = pg::call([&function] {
        Oid type = JSONBOID;
        SPIPlanPtr prepared = SPI_prepare(psprintf("SELECT %s($1)", function.c_str()), 1, &type);
        if (prepared == nullptr || SPI_keepplan(prepared) != 0)
            elog(ERROR, "could not prepare the call of %s: %s", function.c_str(),
                 SPI_result_code_string(SPI_result));
        return prepared;
    });
    plans->emplace(function, plan);
    return plan;
}

// The body as jsonb. Server idiom.
Datum read_body(const std::string &body)
{
    const char *text = body.data();
    int length = static_cast<int>(body.size());
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    if (memchr(text, '\0', length) != nullptr)
        ereport(ERROR, errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("the body contains a null byte"));
    char *copy = pnstrdup(text, length);
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(pg_any_to_server(copy, length, PG_UTF8)));
}

bool has_key(Jsonb *reply, const char *key, JsonbValue *value)
{
    return JB_ROOT_IS_OBJECT(reply) &&
           getKeyJsonValueFromContainer(&reply->root, key, static_cast<int>(strlen(key)), value) != nullptr;
}

bool is_number(const JsonbValue &value, int64 number)
{
    return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(value.val.numeric),
                                            NumericGetDatum(int64_to_numeric(number))));
}

// The error_code of a reply as monitoring shows it: whole numbers of at most four digits, or "other".
void read_code(Jsonb *reply, std::string &code)
{
    JsonbValue value;
    if (!has_key(reply, "error_code", &value) || value.type != jbvNumeric)
        return;
    const char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
    const size_t length = strlen(text);
    code.assign(length <= 4 && strspn(text, "0123456789") == length ? text : "other");
}

// The status is 400 for a payload that the service calls malformed as a whole, 200 for every other business
// answer.
void read_reply(Jsonb *reply, Answer &answer)
{
    JsonbValue code, errors;
    answer.status = 200;
    answer.rejects = has_key(reply, "errors", &errors);
    if (!has_key(reply, "error_code", &code) || code.type != jbvNumeric)
        return;
    answer.succeeded = is_number(code, 0);
    if (!answer.rejects && is_number(code, 400))
        answer.status = 400;
}

// Runs the plan and leaves the reply in `answer`.
void call_service(const Exchange &exchange, SPIPlanPtr plan, Answer &answer)
{
    const char *text = pg::call([&] {
        Datum payload = read_body(exchange.body);
        answer.readable = true;
        const int done = SPI_execute_plan(plan, &payload, nullptr, false, 1);
        if (done != SPI_OK_SELECT || SPI_processed != 1)
            elog(ERROR, "could not call %s: %s", exchange.service->function.c_str(),
                 SPI_result_code_string(done));
        bool null;
        const Datum reply = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
        Jsonb *document = null ? nullptr : DatumGetJsonbP(reply);
        answer.status = 200;
        if (!null) {
            read_reply(document, answer);
            read_code(document, answer.message.code);
        }
        char *printed = null ? pstrdup("null") : JsonbToCString(nullptr, &document->root, VARSIZE(document));
        const char *wire = pg_server_to_any(printed, static_cast<int>(strlen(printed)), PG_UTF8);
        return wire;
    });
    answer.reply = text;
    pg::call([] { SPI_freetuptable(SPI_tuptable); });
}

int http_status(const pg::CaughtError &error, bool readable)
{
    const int sqlstate = error.sqlstate, kind = ERRCODE_TO_CATEGORY(sqlstate);
    if (kind == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES) ||
        kind == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
        kind == ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE) ||
        kind == ERRCODE_TO_CATEGORY(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE) ||
        kind == ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR) || sqlstate == ERRCODE_READ_ONLY_SQL_TRANSACTION)
        return 503;
    if (!readable && (kind == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
                      kind == ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED)))
        return 400;
    return sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ? 403 : 500;
}

void time_out_after(int milliseconds)
{
    pg::call([=] { enable_timeout_after(STATEMENT_TIMEOUT, milliseconds); });
}

} // namespace

void as_client(const Exchange &exchange, const std::function<void()> &f)
{
    pg_uuid_t story;
    memcpy(story.data, exchange.correlation.data(), sizeof story.data);
    const Oid role = pg::call([&] {
        const Oid found = get_role_oid(exchange.client->role.c_str(), true);
        if (!OidIsValid(found) || superuser_arg(found))
            ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("role \"%s\" of API client \"%s\" %s", exchange.client->role.c_str(),
                           exchange.client->name.c_str(),
                           OidIsValid(found) ? "is a superuser" : "does not exist"));
        return found;
    });
    struct ClientScope {
        explicit ClientScope(const char *name) { pg::set_api_client(name); }
        ~ClientScope() { pg::set_api_client(nullptr); }
    } client(exchange.client->name.c_str());
    pg::set_correlation(story);
    pg::UserScope as_role(role);
    f();
}

bool lost_race(const pg::CaughtError &error)
{
    return error.sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
           error.sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED;
}

Answer failed(const Exchange &exchange, const pg::CaughtError &error, bool readable)
{
    Answer answer;
    answer.readable = readable;
    answer.status = http_status(error, readable);
    answer.again = lost_race(error);
    answer.waited = error.sqlstate == ERRCODE_LOCK_NOT_AVAILABLE;
    std::string text;
    if (answer.status == 400)
        text = "Тело запроса не является JSON: " + error.message;
    else if (answer.status == 403)
        text = "Роли клиента не хватает прав";
    answer.message = refusal(answer.status, exchange.story, text);
    answer.reply = answer.message.body;
    if (answer.status != 400) {
        answer.trouble = error;
        answer.trouble->message = "service \"" + (exchange.service ? exchange.service->name : exchange.path) +
                                  "\" failed: " + error.message;
        answer.trouble->context =
            "request " + exchange.story + " of API client \"" + exchange.client->name + "\"";
    }
    return answer;
}

Answer run_service(const Exchange &exchange)
{
    Answer answer;
    const MemoryContext here = CurrentMemoryContext;
    const MemoryContext own = pg::call(
        [] { return AllocSetContextCreate(CurrentMemoryContext, "request", ALLOCSET_DEFAULT_SIZES); });
    MemoryContextSwitchTo(own);
    const auto error = pg::subtransaction(pg::Constraints::at_end, [&] {
        if (exchange.service->function.empty())
            throw pg::Error(ERRCODE_UNDEFINED_FUNCTION, "the function of the service does not exist",
                            "It must be a function(payload jsonb) returning jsonb.");
        time_out_after(exchange.service->timeout);
        as_client(exchange, [&] { call_service(exchange, plan_of(exchange.service->function), answer); });
    });
    MemoryContextSwitchTo(here);
    pg::call([=] { MemoryContextDelete(own); });
    time_out_after(std::max(settings::statement_timeout, 1000));
    if (error)
        return failed(exchange, *error, answer.readable);
    answer.message.status = answer.status;
    answer.message.body = answer.reply;
    return answer;
}

} // namespace listener
