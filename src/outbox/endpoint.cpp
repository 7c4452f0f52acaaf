// See endpoint.hpp.
#include "outbox/endpoint.hpp"

#include "pg/guard.hpp"
#include "pg/identity.hpp"
#include "pg/sql.hpp"

namespace outbox
{

namespace
{

#define ENDPOINT_COLUMNS                                                                                     \
    "SELECT e.name, e.server_type, e.method, e.url_option, e.path, e.body_kind, e.reply_family, e.delivery," \
    " e.priority, e.handler, e.builder, e.verify,"                                                           \
    " (1000 OPERATOR(pg_catalog.*) pg_catalog.date_part('epoch', e.timeout))::pg_catalog.int8,"              \
    " (1000 OPERATOR(pg_catalog.*) pg_catalog.date_part('epoch', e.give_up_after))::pg_catalog.int8,"        \
    " e.keep_reply, e.coalesces, e.enabled, e.xmin FROM k2bridge.endpoint e"

pg::Statement one(ENDPOINT_COLUMNS " WHERE e.name OPERATOR(pg_catalog.=) $1", TEXTOID);
pg::Statement all(ENDPOINT_COLUMNS " ORDER BY e.name");

#undef ENDPOINT_COLUMNS

Endpoint::Body body_of(const std::string &kind)
{
    if (kind == "json")
        return Endpoint::Body::json;
    if (kind == "form")
        return Endpoint::Body::form;
    return kind == "multipart" ? Endpoint::Body::multipart : Endpoint::Body::none;
}

Endpoint::Keep keep_of(const std::string &keep)
{
    if (keep == "always")
        return Endpoint::Keep::always;
    return keep == "never" ? Endpoint::Keep::never : Endpoint::Keep::not_ok;
}

std::optional<std::chrono::milliseconds> duration(uint64 row, int column)
{
    if (pg::cell_null(row, column))
        return {};
    return std::chrono::milliseconds(pg::cell_int8(row, column));
}

// Fills `endpoint` from a row of the current result. May raise: call it under pg::call, with `word` from
// outside.
void fill(uint64 row, Endpoint &endpoint, std::string &word)
{
    std::string *const texts[] = {&endpoint.name, &endpoint.server_type, &endpoint.method,
                                  &endpoint.url_option, &endpoint.path};
    for (int i = 0; i < 5; ++i)
        pg::cell_text(row, i + 1, *texts[i]);
    pg::cell_text(row, 6, word);
    endpoint.body = body_of(word);
    pg::cell_text(row, 7, endpoint.reply_family);
    pg::cell_text(row, 8, word);
    endpoint.at_most_once = word == "at_most_once";
    endpoint.priority = pg::cell_int4(row, 9);
    pg::cell_text(row, 10, endpoint.handler);
    pg::cell_text(row, 11, endpoint.builder);
    pg::cell_text(row, 12, endpoint.verify);
    endpoint.timeout = duration(row, 13);
    endpoint.give_up_after = duration(row, 14);
    pg::cell_text(row, 15, word);
    endpoint.keep_reply = keep_of(word);
    endpoint.coalesces = pg::cell_bool(row, 16);
    endpoint.enabled = pg::cell_bool(row, 17);
    bool null;
    endpoint.version = DatumGetTransactionId(pg::cell(row, 18, &null));
}

} // namespace

const std::string &Endpoint::needed_option() const
{
    static const std::string *const base = new std::string("base_url");
    return url_option.empty() ? *base : url_option;
}

Endpoint load_endpoint(const std::string &name)
{
    Endpoint endpoint;
    std::string word;
    pg::UserScope as_owner(pg::call(pg::tables_owner));
    const bool found = pg::call([&] {
        SPI_connect();
        const bool any = pg::run(one, {pg::text_datum(name)}, nullptr, false, 1) > 0;
        if (any)
            fill(0, endpoint, word);
        SPI_finish();
        return any;
    });
    if (!found)
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE, "endpoint \"" + name + "\" does not exist", {},
                        "SELECT name FROM k2bridge.endpoint lists the endpoints.");
    return endpoint;
}

std::vector<Endpoint> load_endpoints()
{
    std::vector<Endpoint> endpoints;
    std::string word;
    pg::UserScope as_owner(pg::call(pg::tables_owner));
    pg::call([&] {
        SPI_connect();
        const uint64 count = pg::run(all, {});
        endpoints.resize(count);
        for (uint64 row = 0; row < count; ++row)
            fill(row, endpoints[row], word);
        SPI_finish();
    });
    return endpoints;
}

} // namespace outbox
