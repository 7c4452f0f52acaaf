// The judgement of a request by its header (see catalog.hpp). Plain C++; runs inside the library's callbacks.
#include "listener/catalog.hpp"

#include <algorithm>
#include <cctype>

namespace listener
{

namespace
{

constexpr std::string_view services_path = "/restapi/services/", run_path = "run/";

std::string lower(std::string_view text)
{
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return result;
}

// The service that the path names; empty when it names none.
std::string service_name(std::string_view path)
{
    if (!path.starts_with(services_path))
        return {};
    path.remove_prefix(services_path.size());
    if (path.starts_with(run_path))
        path.remove_prefix(run_path.size());
    return std::string(path);
}

Route route_of(const std::string &path)
{
    if (path == "/healthz")
        return Route::health;
    if (path == "/restapi/getfile")
        return Route::file;
    if (path == "/restapi/upload")
        return Route::upload;
    if (path == "/")
        return Route::status;
    if (path == "/metrics")
        return Route::metrics;
    if (path == "/openapi.json")
        return Route::openapi;
    return service_name(path).empty() ? Route::unknown : Route::service;
}

std::shared_ptr<const Client> find_client(const Catalog &catalog, const Credentials &credentials)
{
    std::shared_ptr<const Client> found;
    for (const auto &client : catalog.clients) {
        const bool right = equal(client->secret, credentials.secret);
        if (right && (!credentials.login || *credentials.login == client->name))
            found = client;
    }
    return found;
}

// JSON in UTF-8, or no word about it.
bool takes_type(const Exchange &exchange)
{
    const std::string type = lower(exchange.content_type);
    const std::string media = type.substr(0, type.find_first_of("; \t"));
    const size_t charset = type.find("charset=");
    std::string encoding = charset == std::string::npos ? "utf-8" : type.substr(charset + 8);
    std::erase(encoding, '"');
    encoding = encoding.substr(0, encoding.find_first_of("; \t"));
    const std::string content = lower(exchange.encoding);
    return (media.empty() || media == "application/json" || media == "text/json" ||
            media.ends_with("+json")) &&
           (encoding == "utf-8" || encoding == "utf8") && (content.empty() || content == "identity");
}

Message wrong_method(const Exchange &exchange, const char *allowed)
{
    Message message = refusal(405, exchange.story);
    message.headers.emplace_back("Allow", allowed);
    return message;
}

bool contains_name(const std::vector<std::string> &names, const std::string &name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<Message> judge_service(const Exchange &exchange)
{
    const std::string name = service_name(exchange.path);
    if (exchange.client->services && !contains_name(*exchange.client->services, name))
        return refusal(403, exchange.story, "Клиенту не разрешён сервис " + name);
    if (!exchange.service)
        return refusal(404, exchange.story, "Сервис " + name + " не найден");
    if (exchange.method != MHD_HTTP_METHOD_POST)
        return wrong_method(exchange, "POST");
    if (!takes_type(exchange))
        return refusal(415, exchange.story);
    return std::nullopt;
}

// Pages are read; only the status page takes a form, the key to trace.
std::optional<Message> judge_page(const Exchange &exchange)
{
    const bool status = exchange.route == Route::status;
    if (status && exchange.method == MHD_HTTP_METHOD_POST)
        return lower(exchange.content_type).starts_with("application/x-www-form-urlencoded")
                   ? std::nullopt
                   : std::optional(
                         refusal(415, exchange.story, "Ожидается application/x-www-form-urlencoded"));
    if (exchange.method != MHD_HTTP_METHOD_GET && exchange.method != MHD_HTTP_METHOD_HEAD)
        return wrong_method(exchange, status ? "GET, HEAD, POST" : "GET, HEAD");
    return std::nullopt;
}

// Browsers ask for a login only when basic authentication is the first way that they are told of.
Message no_login(const Exchange &exchange)
{
    Message message = refusal(401, exchange.story);
    if (exchange.route == Route::status)
        for (auto &[name, value] : message.headers)
            if (name == "WWW-Authenticate")
                value = "Basic realm=\"k2bridge\", charset=\"UTF-8\"";
    return message;
}

std::optional<Message> judge_route(const Exchange &exchange)
{
    const bool reads = exchange.method == MHD_HTTP_METHOD_GET || exchange.method == MHD_HTTP_METHOD_HEAD;
    if (exchange.route == Route::service)
        return judge_service(exchange);
    if (exchange.route == Route::file && !reads)
        return wrong_method(exchange, "GET, HEAD");
    if (is_page(exchange.route))
        return judge_page(exchange);
    if (exchange.route == Route::upload && exchange.method != MHD_HTTP_METHOD_POST)
        return wrong_method(exchange, "POST");
    if (exchange.route == Route::upload && !lower(exchange.content_type).starts_with("multipart/form-data"))
        return refusal(415, exchange.story, "Ожидается multipart/form-data");
    return std::nullopt;
}

Message judge_health(const Catalog &catalog, const Exchange &exchange)
{
    if (exchange.method != MHD_HTTP_METHOD_GET && exchange.method != MHD_HTTP_METHOD_HEAD)
        return wrong_method(exchange, "GET, HEAD");
    return health(catalog);
}

} // namespace

Message health(const Catalog &catalog)
{
    Message message;
    message.headers.emplace_back("Cache-Control", "no-store");
    message.status = catalog.trouble.empty() ? 200 : 503;
    message.body = catalog.trouble.empty()
                       ? R"({"status": "ready"})"
                       : "{\"status\": \"not ready\", \"reason\": " + json_text(catalog.trouble) + "}";
    return message;
}

Verdict judge(const Catalog &catalog, Exchange &exchange)
{
    exchange.route = route_of(exchange.path);
    if (exchange.route == Route::health)
        return {judge_health(catalog, exchange)};
    const auto known = catalog.services.find(service_name(exchange.path));
    exchange.service = known == catalog.services.end() ? nullptr : known->second;
    if (exchange.route == Route::unknown)
        return {refusal(404, exchange.story)};
    if (!catalog.trouble.empty())
        return {refusal(503, exchange.story)};
    const auto credentials = read_authorization(exchange.authorization);
    exchange.client = credentials ? find_client(catalog, *credentials) : nullptr;
    if (!exchange.client)
        return {no_login(exchange), credentials.has_value()};
    if (exchange.client->networks && !contains(*exchange.client->networks, exchange.caller))
        return {refusal(403, exchange.story, "Адрес не разрешён клиенту")};
    Verdict verdict{judge_route(exchange)};
    verdict.hold = verdict.refused && verdict.refused->status == 404;
    return verdict;
}

} // namespace listener
