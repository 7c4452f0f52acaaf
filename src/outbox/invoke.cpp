// Direct calls: the road of the dispatcher in one backend and one transaction. Request builder, engine, reply
// reader, policy and handler are the same; only the waiting differs.
#include "outbox/handler.hpp"
#include "outbox/request.hpp"

#include "outbox/errors.hpp"
#include "pg/compat.hpp"
#include "pg/guard.hpp"
#include "pg/identity.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace outbox
{

namespace
{

int64 next_id()
{
    static pg::Statement statement(
        "SELECT pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('k2bridge.outbox', 'id'))");
    return pg::call([] {
        pg::run(statement, {});
        return pg::cell_int8(0, 1);
    });
}

void require_callable(const Endpoint &endpoint, const Server &server)
{
    static pg::Statement held("SELECT FROM k2bridge.paused WHERE (server IS NULL OR server = $1)"
                              " AND (endpoint IS NULL OR endpoint = $2)"
                              " AND (until IS NULL OR until > pg_catalog.clock_timestamp())",
                              NAMEOID, TEXTOID);
    if (endpoint.at_most_once)
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE,
                        "endpoint " + endpoint.name +
                            " moves money or changes state at the bank and is never called directly",
                        "The transaction could roll back after the bank has acted.",
                        "CALL k2bridge.deliver('" + endpoint.name + "', args) queues it, commits and waits.");
    if (!endpoint.enabled)
        throw pg::Error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                        "endpoint " + endpoint.name + " is disabled");
    const bool paused = pg::call([&] {
        return pg::run(held, {pg::name_datum(server.name), pg::text_datum(endpoint.name)}, nullptr, true) > 0;
    });
    if (paused)
        throw pg::Error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                        "calls of endpoint " + endpoint.name + " to server \"" + server.name +
                            "\" are paused",
                        {}, "k2bridge.resume lifts it; SELECT * FROM k2bridge.paused tells who and why.");
}

void store(const Result &result)
{
    static pg::Statement statement(
        R"(
        INSERT INTO k2bridge.call (id, endpoint, server, args, outcome, attempts, http_status, error_text, reply,
                                   correlation, created_at, created_by, finished_at, duration, delivery)
        VALUES ($1, $2, $3, $4, $5, 1, nullif($6, 0), nullif($7, ''), $8::pg_catalog.jsonb,
                $9, $10, $11, pg_catalog.clock_timestamp(), $12 * pg_catalog.interval '1 microsecond',
                'at_least_once'))",
        INT8OID, TEXTOID, NAMEOID, JSONBOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, UUIDOID, TIMESTAMPTZOID,
        NAMEOID, INT8OID);
    const Job &job = result.job;
    const bool keep = result.reply && job.endpoint->keep_reply == Endpoint::Keep::always;
    pg::call([&] {
        pg_uuid_t story = job.correlation;
        pg::run(statement,
                {Int64GetDatum(job.id), pg::text_datum(job.endpoint->name), pg::name_datum(job.server),
                 PointerGetDatum(args_of(job)), CStringGetTextDatum(word(*result.outcome)),
                 Int32GetDatum(result.http_status), pg::text_datum(result.text),
                 keep ? pg::text_datum(*result.reply) : 0, UUIDPGetDatum(&story),
                 TimestampTzGetDatum(job.created_at), pg::name_datum(job.created_by),
                 Int64GetDatum(result.duration)},
                keep ? nullptr : "       n    ");
    });
}

// The row for the caller, in his memory context; the reply is there even where history does not keep it.
Datum as_row(const Result &result, MemoryContext context)
{
    static pg::Statement statement(
        R"(
        SELECT ROW(c.id, c.endpoint, c.server, c.subject, c.args, c.outcome, c.attempts, c.http_status, c.error_code,
                   c.error_text, $2::pg_catalog.jsonb, c.sent_as, c.resent_from, c.correlation, c.created_at,
                   c.created_by, c.finished_at, c.duration, $3, nullif($4, ''), nullif($5, ''))::k2bridge.call_row
          FROM k2bridge.call c
         WHERE c.id = $1)",
        INT8OID, TEXTOID, BYTEAOID, TEXTOID, TEXTOID);
    return pg::call([&] {
        char nulls[] = "     ";
        nulls[1] = result.reply ? ' ' : 'n';
        nulls[2] = result.content ? ' ' : 'n';
        pg::run(statement,
                {Int64GetDatum(result.job.id), result.reply ? pg::text_datum(*result.reply) : 0,
                 result.content ? pg::bytea_datum(*result.content) : 0, pg::text_datum(result.content_type),
                 pg::text_datum(result.file_name)},
                nulls);
        bool null;
        const Datum row = pg::cell(0, 1, &null);
        const MemoryContext former = MemoryContextSwitchTo(context);
        const Datum copy = datumCopy(row, false, -1);
        MemoryContextSwitchTo(former);
        return copy;
    });
}

[[noreturn]] void raise_outcome(const Endpoint &endpoint, const Server &server, const Decision &decision,
                                const http::Response &response)
{
    const std::string where =
        "Endpoint " + endpoint.name + ", server \"" + server.name + "\"" +
        (response.status != 0 ? ", HTTP status " + std::to_string(response.status) : "") +
        (decision.code.empty() ? "" : ", code " + decision.code) + ".";
    if (decision.verdict == Verdict::refused)
        throw pg::Error(errcode_refused, decision.text.empty() ? "the bank refused the call" : decision.text,
                        where);
    throw pg::Error(errcode_transport,
                    decision.text.empty() ? "the call brought no usable reply" : decision.text, where);
}

Job make_job(std::shared_ptr<const Endpoint> endpoint, const Server &server, const Jsonb *args)
{
    Job job;
    job.id = next_id();
    job.endpoint = std::move(endpoint);
    job.server = server.name;
    job.correlation = pg::correlation();
    job.created_at = GetCurrentTimestamp();
    job.args.assign(reinterpret_cast<const char *>(args), VARSIZE(args));
    pg::call([&] { job.created_by = GetUserNameFromId(pg::caller(), false); });
    return job;
}

Datum invoke(const std::string &name, const Jsonb *args, std::string server_name, MemoryContext context)
{
    const auto endpoint = std::make_shared<const Endpoint>(load_endpoint(name));
    if (server_name.empty())
        server_name = resolve_server(*endpoint);
    const auto server = load_server(server_name, pg::caller());
    require_callable(*endpoint, *server);
    const Jsonb *built = built_args(*endpoint, args);
    Result result;
    result.job = make_job(endpoint, *server, args);
    http::Request request = build_request(*endpoint, *server, built, result.job.correlation);
    if (server->record) {
        result.outcome = Outcome::recorded;
        result.text = describe(request);
        store(result);
        return as_row(result, context);
    }
    require_sendable(request, *server);
    http::Response response = transfer(request);
    if (response.failure == http::Failure::forbidden_address)
        refuse_address(request, *server);
    reply::Reply reply;
    if (response.failure == http::Failure::none)
        reply = reply::read(endpoint->reply_family, response.status, response.content_type, response.body);
    const Decision decision = decide(Delivery::at_least_once, response, reply, true);
    if (decision.verdict != Verdict::ok)
        raise_outcome(*endpoint, *server, decision, response);
    result = conclude(std::move(result.job), std::move(response), std::move(reply), decision,
                      GetCurrentTimestamp(), 0);
    store(result);
    run_handler(result);
    return as_row(result, context);
}

} // namespace

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_invoke);

// k2bridge.invoke(endpoint text, args jsonb, server name) → k2bridge.call_row
PGDLLEXPORT Datum k2bridge_invoke(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("endpoint and args must not be null"));
    const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const Jsonb *args = PG_GETARG_JSONB_P(1);
    const char *server = PG_ARGISNULL(2) ? "" : NameStr(*PG_GETARG_NAME(2));
    const MemoryContext context = CurrentMemoryContext;
    return pg::entry([=]() -> Datum {
        pg::call([] { SPI_connect(); });
        const Datum row = outbox::invoke(name, args, server, context);
        pg::call([] { SPI_finish(); });
        return row;
    });
}
}
