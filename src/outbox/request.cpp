// See request.hpp: what an endpoint, a server and arguments make together.
#include "http/charset.hpp"
#include "http/multipart.hpp"
#include "http/url.hpp"
#include "outbox/request.hpp"
#include "outbox/activation.hpp"
#include "outbox/arguments.hpp"
#include "outbox/errors.hpp"
#include "settings.hpp"

#include "pg/compat.hpp"
#include "pg/guard.hpp"

#include <algorithm>

extern "C" {
#include "parser/parse_func.h"
}

namespace outbox
{

namespace
{

[[noreturn]] void refuse(const Endpoint &endpoint, const std::string &reason, const std::string &hint = {})
{
    throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE, "endpoint \"" + endpoint.name + "\": " + reason, {},
                    hint);
}

std::string option_url(const Endpoint &endpoint, const Server &server)
{
    const std::string &option = endpoint.needed_option();
    const std::string *value = server.option(option);
    if (value == nullptr)
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE,
                        "server \"" + server.name + "\" has no option " + option,
                        "Endpoint \"" + endpoint.name + "\" takes its address from that option.",
                        "ALTER SERVER " + server.name + " OPTIONS (ADD " + option + " '...').");
    return http::complete_url(*value);
}

const Argument *find(const Arguments &arguments, const std::string &key)
{
    const auto found = std::find_if(arguments.begin(), arguments.end(),
                                    [&](const Argument &each) { return each.key == key; });
    return found == arguments.end() ? nullptr : &*found;
}

// The path with every {key} replaced by that argument, percent-encoded; `used` receives the keys.
std::string filled_path(const Endpoint &endpoint, const Arguments &arguments, std::vector<std::string> &used)
{
    std::string out;
    for (size_t at = 0; at < endpoint.path.size();) {
        const size_t open = endpoint.path.find('{', at);
        const size_t close = endpoint.path.find('}', std::min(open, endpoint.path.size()));
        if (open == std::string::npos || close == std::string::npos) {
            out += endpoint.path.substr(at);
            break;
        }
        const std::string key = endpoint.path.substr(open + 1, close - open - 1);
        const Argument *value = find(arguments, key);
        if (value == nullptr || value->kind != Argument::Kind::scalar || value->text.empty())
            refuse(endpoint, "its path needs argument \"" + key + "\", a text or number");
        if (value->text == "." || value->text == "..")
            refuse(endpoint, "argument \"" + key + "\" would change the path");
        out += endpoint.path.substr(at, open - at) + http::percent_encode(value->text);
        used.push_back(key);
        at = close + 1;
    }
    return out;
}

std::string address(const Endpoint &endpoint, const Server &server, const Arguments &arguments,
                    std::vector<std::string> &used)
{
    std::string url = option_url(endpoint, server);
    if (!endpoint.url_option.empty())
        return url;
    while (url.ends_with('/'))
        url.pop_back();
    const std::string path = filled_path(endpoint, arguments, used);
    return url + (path.starts_with('/') ? "" : "/") + path;
}

// Nulls are left out, and what stands in the path.
bool travels(const Argument &argument, const std::vector<std::string> &used)
{
    return argument.kind != Argument::Kind::null &&
           std::find(used.begin(), used.end(), argument.key) == used.end();
}

// The arguments that travel as pairs: scalars only.
http::Pairs pairs(const Endpoint &endpoint, const Arguments &arguments, const std::vector<std::string> &used)
{
    http::Pairs out;
    for (const Argument &each : arguments) {
        if (!travels(each, used))
            continue;
        if (each.kind == Argument::Kind::nested)
            refuse(endpoint, "argument \"" + each.key + "\" is an object or array",
                   "Only texts, numbers and booleans can travel in a query string or form.");
        out.emplace_back(each.key, each.text);
    }
    return out;
}

// Autoclient documents the spellings utf8 and cp1251 (wire/autoclient.md 1.3), everybody else knows the
// registered ones.
std::string json_type(const Server &server)
{
    if (server.type == "autoclient")
        return server.windows_1251 ? "application/json;charset=cp1251" : "application/json;charset=utf8";
    return server.windows_1251 ? "application/json; charset=windows-1251" : "application/json; charset=utf-8";
}

// Autoclient reads windows-1251 where no charset is named (wire/autoclient.md 1.3), others need none for a
// form.
std::string form_type(const Server &server, const std::string &type, const char *separator)
{
    return server.type != "autoclient"
               ? type
               : type + separator + (server.windows_1251 ? "charset=cp1251" : "charset=utf8");
}

[[noreturn]] void refuse_character(const Endpoint &endpoint, const Server &server, const Misfit &misfit)
{
    refuse(endpoint,
           "field \"" + misfit.path + "\" has a character that windows-1251 lacks: \"" + misfit.character +
               "\"",
           "Replace it, or ALTER SERVER " + server.name + " OPTIONS (SET charset 'utf8').");
}

// In the charset of the server; `field` names the text for the error.
std::string encoded(const Endpoint &endpoint, const Server &server, const std::string &field,
                    const std::string &text)
{
    if (!server.windows_1251)
        return text;
    if (const auto missing = http::missing_in_1251(text); !missing.empty())
        refuse_character(endpoint, server, {field, std::string(missing)});
    return http::from_utf8(text);
}

// A JSON body; only where windows-1251 lacks something the arguments are searched, so that the error names a
// field.
std::string encoded_json(const Endpoint &endpoint, const Server &server, const Jsonb *args, std::string text)
{
    if (!server.windows_1251)
        return text;
    if (const auto missing = http::missing_in_1251(text); !missing.empty())
        refuse_character(endpoint, server,
                         windows_1251_misfit(args).value_or(Misfit{"the body", std::string(missing)}));
    return http::from_utf8(text);
}

// The form's values are percent-encoded in the charset that the header names.
http::Pairs encoded_pairs(const Endpoint &endpoint, const Server &server, http::Pairs pairs)
{
    for (auto &[key, value] : pairs)
        value = encoded(endpoint, server, key, value);
    return pairs;
}

// Texts and names of files in the charset of the server; contents as they are.
std::vector<http::Part> encoded_parts(const Endpoint &endpoint, const Server &server,
                                      const Arguments &arguments, const std::vector<std::string> &used)
{
    std::vector<http::Part> out;
    for (const Argument &each : arguments) {
        if (!travels(each, used))
            continue;
        if (each.kind == Argument::Kind::nested && !each.file)
            refuse(endpoint, "argument \"" + each.key + "\" is neither a scalar nor a file",
                   "A file is {\"content\": base64, \"file_name\": text, \"content_type\": text}.");
        if (each.file)
            out.push_back({each.key, encoded(endpoint, server, each.key + ".file_name", each.file->name),
                           each.file->content_type, each.file->content});
        else
            out.push_back({each.key, {}, {}, encoded(endpoint, server, each.key, each.text)});
    }
    return out;
}

void add_body(http::Request &request, const Endpoint &endpoint, const Server &server, const Jsonb *args,
              const Arguments &arguments, const std::vector<std::string> &used)
{
    switch (endpoint.body) {
    case Endpoint::Body::none:
        request.url = http::with_query(request.url, pairs(endpoint, arguments, used));
        break;
    case Endpoint::Body::json:
        request.body = encoded_json(endpoint, server, args, json_text(args, used));
        request.content_type = json_type(server);
        break;
    case Endpoint::Body::form:
        request.body =
            http::with_query("", encoded_pairs(endpoint, server, pairs(endpoint, arguments, used)));
        request.body.erase(0, request.body.empty() ? 0 : 1); // the '?'
        request.content_type = form_type(server, "application/x-www-form-urlencoded", ";");
        break;
    case Endpoint::Body::multipart: {
        http::Multipart multipart = http::multipart(encoded_parts(endpoint, server, arguments, used));
        request.body = std::move(multipart.body);
        request.content_type = form_type(server, multipart.content_type, "; ");
        break;
    }
    }
    if (request.content_type.empty() && server.type == "autoclient")
        request.content_type =
            json_type(server); // it chooses the charset of the reply (wire/autoclient.md 1.3)
}

// Autoclient: the company within a group as query parameter (documented), header (what clients do) or both;
// the old format's application id as header (wire/autoclient.md 1.2 and 3).
void add_autoclient_ids(http::Request &request, const Server &server)
{
    const std::string *group = server.option("group_id"), *place = server.option("group_id_in");
    const bool header = place != nullptr && *place != "query";
    if (group != nullptr && (place == nullptr || *place != "header"))
        request.url = http::with_query(request.url, {{"id", *group}});
    if (group != nullptr && header)
        request.headers.emplace_back("id", *group);
    else if (const std::string *application = server.option("app_id"))
        request.headers.emplace_back("id", *application);
}

std::string uuid_text(const pg_uuid_t &id)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (int i = 0; i < UUID_LEN; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out += '-';
        out.append({digits[id.data[i] >> 4], digits[id.data[i] & 15]});
    }
    return out;
}

bool leaves_machine(const http::Request &request)
{
    return !request.proxy.empty() || !http::is_loopback_host(http::parse_url(request.url).host);
}

} // namespace

const Jsonb *built_args(const Endpoint &endpoint, const Jsonb *args)
{
    if (endpoint.builder.empty())
        return args;
    enum { missing, forbidden, wrong, fine } found = missing;
    bool null = false;
    const Jsonb *result = pg::call([&]() -> const Jsonb * {
        List *name = pg::name_parts(endpoint.builder.c_str());
        Oid types[] = {JSONBOID};
        const Oid function = list_length(name) == 2 ? LookupFuncName(name, 1, types, true) : InvalidOid;
        if (!OidIsValid(function))
            return nullptr;
        found = !pg::may_execute(function, GetUserId())  ? forbidden
                : get_func_rettype(function) != JSONBOID ? wrong
                                                         : fine;
        if (found != fine)
            return nullptr;
        FmgrInfo builder;
        fmgr_info(function, &builder);
        LOCAL_FCINFO(call, 1);
        InitFunctionCallInfoData(*call, &builder, 1, InvalidOid, nullptr, nullptr);
        call->args[0] = {JsonbPGetDatum(args), false};
        const Datum built = FunctionCallInvoke(call);
        null = call->isnull;
        return null ? nullptr : DatumGetJsonbP(built);
    });
    if (found == forbidden)
        throw pg::Error(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for builder " + endpoint.builder +
                                                            " of endpoint \"" + endpoint.name + "\"");
    if (found != fine)
        refuse(endpoint, "its builder \"" + endpoint.builder + "\" is not a function(jsonb) returning jsonb",
               "Write the name with its schema: schema.function.");
    if (null)
        refuse(endpoint, "its builder \"" + endpoint.builder + "\" returned null");
    return result;
}

http::Request build_request(const Endpoint &endpoint, const Server &server, const Jsonb *args,
                            const pg_uuid_t &correlation)
{
    if (server.type != endpoint.server_type)
        refuse(endpoint,
               "server \"" + server.name + "\" is of type " + server.type + ", not " + endpoint.server_type);
    if (endpoint.method == "GET" && endpoint.body != Endpoint::Body::none)
        refuse(endpoint, "a GET request has no body", "UPDATE k2bridge.endpoint SET body_kind = 'none' ...");
    const bool whole_body = endpoint.body == Endpoint::Body::json;
    const Arguments arguments = read_arguments(args);
    if (!is_object(args) && !(whole_body && endpoint.path.find('{') == std::string::npos))
        refuse(endpoint, "its arguments are not a JSON object");
    http::Request request;
    request.method = endpoint.method;
    std::vector<std::string> used;
    request.url = address(endpoint, server, arguments, used);
    add_body(request, endpoint, server, args, arguments, used);
    if (server.type == "autoclient") {
        add_autoclient_ids(request, server);
        // Needed by receipts and counterparty check only (wire/autoclient.md 11 and 13), harmless elsewhere.
        request.headers.emplace_back("Accept", endpoint.reply_family == "autoclient_file"
                                                   ? "application/octet-stream"
                                                   : "application/json");
    }
    request.headers.emplace_back("X-Correlation-Id", uuid_text(correlation));
    request.credentials = server.credentials;
    request.tls = server.tls;
    request.proxy = server.proxy;
    request.user_agent = server.user_agent;
    request.connect_timeout = server.connect_timeout;
    request.timeout = endpoint.timeout.value_or(server.timeout);
    request.max_reply_size = size_t{1024} * static_cast<size_t>(settings::max_reply_size);
    request.fresh_connection = endpoint.at_most_once;
    request.allow_http = server.allow_http;
    request.loopback_only = !activated();
    if (const std::string reason = http::check(request); !reason.empty())
        refuse(endpoint, "the request to server \"" + server.name + "\" cannot be sent: " + reason);
    return request;
}

void require_sendable(const http::Request &request, const Server &server)
{
    const bool plain = request.url.starts_with("http:");
    if (leaves_machine(request) && (request.loopback_only || (plain && !request.allow_http)))
        refuse_address(request, server);
}

void refuse_address(const http::Request &request, const Server &server)
{
    const std::string host = http::parse_url(request.url).host;
    if (request.loopback_only)
        throw pg::Error(
            errcode_not_activated,
            "calls to \"" + host + "\" of server \"" + server.name + "\" are not activated here",
            "This database on this machine was not allowed to send to other machines.",
            "If it is the one that may, run as the owner of the tables: SELECT k2bridge.activate();");
    throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE,
                    "server \"" + server.name + "\" would send by plain http to \"" + host + "\"", {},
                    "Use an https address, or set option allow_http 'true'.");
}

} // namespace outbox
