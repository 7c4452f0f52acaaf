// See pages.hpp.
#include "listener/pages.hpp"

#include "listener/form.hpp"

#include "pg/sql.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace listener
{

namespace
{

pg::Statement ask_status("SELECT k2bridge.status_page(nullif($1, ''))", TEXTOID);
pg::Statement ask_metrics("SELECT k2bridge.metrics()");
pg::Statement ask_openapi("SELECT pg_catalog.jsonb_pretty(k2bridge.openapi())");

// The key to trace: from the form, or from the address of a link.
std::string wanted_trace(const Exchange &exchange)
{
    if (exchange.method != MHD_HTTP_METHOD_POST) {
        const std::string *key = exchange.parameter("trace");
        return key ? *key : std::string();
    }
    const auto form = read_form(exchange);
    return form && form->contains("trace") ? form->at("trace").value : std::string();
}

std::string ask(const Exchange &exchange)
{
    const std::string key = exchange.route == Route::status ? wanted_trace(exchange) : std::string();
    std::string text;
    pg::call([&] {
        if (exchange.route == Route::status)
            pg::run(ask_status, {pg::text_datum(key)});
        else
            pg::run(exchange.route == Route::metrics ? ask_metrics : ask_openapi, {});
        char *written = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
        if (written == nullptr)
            elog(ERROR, "the page is null");
        text.assign(pg_server_to_any(written, static_cast<int>(strlen(written)), PG_UTF8));
    });
    return text;
}

// Nothing may be loaded or run; of styles only the one that the page itself holds.
std::string content_policy(const std::string &page)
{
    constexpr std::string_view open = "<style>", close = "</style>";
    const size_t start = page.find(open), end = page.find(close);
    std::string style = "'none'";
    if (start != std::string::npos && end != std::string::npos && end > start) {
        const Digest digest =
            sha256(std::string_view(page).substr(start + open.size(), end - start - open.size()));
        style = "'sha256-" + to_base64({reinterpret_cast<const char *>(digest.data()), digest.size()}) + "'";
    }
    return "default-src 'none'; style-src " + style +
           "; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}

const char *type_of(Route route)
{
    if (route == Route::status)
        return "text/html; charset=utf-8";
    return route == Route::metrics ? "text/plain; version=0.0.4; charset=utf-8"
                                   : "application/json; charset=utf-8";
}

} // namespace

Answer show_page(const Exchange &exchange)
{
    Answer answer;
    const auto error = pg::subtransaction(
        pg::Constraints::at_end, [&] { as_client(exchange, [&] { answer.message.body = ask(exchange); }); });
    if (error)
        return failed(exchange, *error, true);
    answer.status = 200;
    answer.message.content_type = type_of(exchange.route);
    answer.message.headers.emplace_back("Cache-Control", "no-store");
    if (exchange.route == Route::status) {
        answer.message.headers.emplace_back("Content-Security-Policy", content_policy(answer.message.body));
        answer.message.headers.emplace_back("Referrer-Policy", "no-referrer");
    }
    return answer;
}

} // namespace listener
