// The request as text for people, and k2bridge.preview().
#include "http/charset.hpp"
#include "http/url.hpp"
#include "outbox/request.hpp"

#include "pg/guard.hpp"
#include "pg/identity.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace outbox
{

namespace
{

using Kind = http::Credentials::Kind;

std::string credentials_line(const http::Credentials &credentials)
{
    switch (credentials.kind) {
    case Kind::bearer:
        return "Authorization: Bearer ***\n";
    case Kind::basic:
        return "Authorization: Basic ***\n";
    case Kind::header:
        return credentials.name + ": ***\n";
    case Kind::none:
        break;
    }
    return {};
}

// Text as UTF-8, anything else by its size.
std::string body_text(const http::Request &request)
{
    std::string text = request.body;
    try {
        if (!http::charset_of(request.content_type).empty())
            text = http::to_utf8(request.body, request.content_type);
    } catch (const http::BadText &) {
        return "(" + std::to_string(request.body.size()) + " bytes)";
    }
    const bool binary =
        http::invalid_utf8(text) != std::string_view::npos || text.find('\0') != std::string::npos;
    return binary ? "(" + std::to_string(request.body.size()) + " bytes)" : text;
}

std::string masked(std::string text, const std::string &secret)
{
    for (size_t at = text.find(secret); !secret.empty() && at != std::string::npos;
         at = text.find(secret, at + 3))
        text.replace(at, secret.size(), "***");
    return text;
}

} // namespace

std::string describe(const http::Request &request)
{
    const http::Url url = http::parse_url(request.url);
    const std::string origin = url.origin();
    const bool v6 = url.host.find(':') != std::string::npos;
    std::string text = request.method + " " + http::redact_url(request.url) + " HTTP/1.1\n";
    text += "Host: " + (v6 ? "[" + url.host + "]" : url.host);
    if (url.port != (url.scheme == "https" ? 443 : 80))
        text += origin.substr(origin.rfind(':'));
    text += "\n" + credentials_line(request.credentials);
    if (!request.user_agent.empty())
        text += "User-Agent: " + request.user_agent + "\n";
    for (const auto &[name, value] : request.headers)
        text += name + ": " + value + "\n";
    if (!request.content_type.empty())
        text += "Content-Type: " + request.content_type + "\n";
    if (request.method == "POST" || request.method == "PUT" || !request.body.empty())
        text += "Content-Length: " + std::to_string(request.body.size()) + "\n";
    if (!request.body.empty())
        text += "\n" + body_text(request);
    return masked(text, request.credentials.secret);
}

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_preview);

// k2bridge.preview_as_owner(endpoint text, args jsonb, server name) → text
PGDLLEXPORT Datum k2bridge_preview(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("endpoint and args must not be null"));
    const char *endpoint_name = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const Jsonb *args = PG_GETARG_JSONB_P(1);
    const char *server_name = PG_ARGISNULL(2) ? nullptr : NameStr(*PG_GETARG_NAME(2));
    return pg::entry([=] {
        const outbox::Endpoint endpoint = outbox::load_endpoint(endpoint_name);
        const std::string server = server_name ? server_name : outbox::resolve_server(endpoint);
        const auto loaded = outbox::load_server(server, pg::caller());
        const pg_uuid_t story = pg::call(pg::correlation);
        const std::string text = outbox::describe(
            outbox::build_request(endpoint, *loaded, outbox::built_args(endpoint, args), story));
        return pg::call([&] {
            const char *own = pg_any_to_server(text.data(), static_cast<int>(text.size()), PG_UTF8);
            return own == text.data()
                       ? PointerGetDatum(cstring_to_text_with_len(own, static_cast<int>(text.size())))
                       : CStringGetTextDatum(own);
        });
    });
}
}
