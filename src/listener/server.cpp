// The life of a request inside the library's callbacks (see server.hpp).
#include "listener/peer.hpp"

#include "http/charset.hpp"
#include "http/fields.hpp"

#include <algorithm>
#include <strings.h>
#include <utility>

namespace listener
{

namespace
{

using namespace std::chrono_literals;

constexpr auto penance = 500ms; // what a failed login costs the caller
constexpr auto idle_time = 60s; // between two requests of a connection
constexpr unsigned requests_per_connection = 10000;
constexpr size_t longest_url = 8192, longest_header = 16384, discarded_body = 262144;
constexpr size_t believed_body = 1048576; // announced bytes for which memory is taken before they come

// What the header says of the size of the body.
struct Framing {
    unsigned lengths = 0, encodings = 0, hosts = 0, logins = 0;
    size_t header = 0;
    bool odd = false;     // a name that another reader may take for something else
    bool parting = false; // the client asks to close afterwards
    std::string length, encoding;
};

MHD_Result count_header(void *cls, MHD_ValueKind, const char *key, const char *value)
{
    auto &framing = *static_cast<Framing *>(cls);
    framing.odd = framing.odd || std::string_view(key).find_first_of(" \t") != std::string_view::npos;
    framing.header += std::string_view(key).size() + (value ? std::string_view(value).size() : 0) + 4;
    if (strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        ++framing.lengths;
        framing.length = value ? value : "";
    } else if (strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        ++framing.encodings;
        framing.encoding = value ? value : "";
    } else if (strcasecmp(key, MHD_HTTP_HEADER_CONNECTION) == 0) {
        framing.parting = framing.parting || http::lists(value ? value : "", "close");
    } else if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0) {
        ++framing.hosts;
    } else if (strcasecmp(key, MHD_HTTP_HEADER_AUTHORIZATION) == 0) {
        ++framing.logins;
    }
    return MHD_YES;
}

MHD_Result collect_argument(void *cls, MHD_ValueKind, const char *key, const char *value)
{
    static_cast<std::vector<std::pair<std::string, std::string>> *>(cls)->emplace_back(key,
                                                                                       value ? value : "");
    return MHD_YES;
}

std::string header(MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

// All values of a header that may be repeated, as one list.
MHD_Result join_forwarded(void *cls, MHD_ValueKind, const char *key, const char *value)
{
    auto &list = *static_cast<std::string *>(cls);
    if (strcasecmp(key, "X-Forwarded-For") == 0 && value)
        list += (list.empty() ? "" : ",") + std::string(value);
    return MHD_YES;
}

bool stops_at_number(const std::string &text)
{
    return !text.empty() && text.size() < 16 && text.find_first_not_of("0123456789") == std::string::npos;
}

// Path and parameters are text that may come back in replies.
bool is_text(const Exchange &exchange)
{
    const auto valid = [](const std::string &text) {
        return http::invalid_utf8(text) == std::string_view::npos;
    };
    return valid(exchange.path) &&
           std::all_of(exchange.query.begin(), exchange.query.end(), [&valid](const auto &argument) {
               return valid(argument.first) && valid(argument.second);
           });
}

} // namespace

// What there is of a request stands in the peer; the library's own context of it stays empty.
void *Server::on_uri(void *cls, const char *uri, MHD_Connection *connection)
{
    Peer &peer = *static_cast<Peer *>(cls);
    const Server &server = *peer.server;
    peer.broken_off = peer.parting = false;
    try {
        auto exchange = std::make_unique<Exchange>();
        exchange->connection = connection;
        exchange->target = uri;
        exchange->correlation = random_uuid();
        exchange->story = print(exchange->correlation);
        exchange->last = ++peer.requests >= requests_per_connection || server.retired;
        peer.deadline = std::min(peer.deadline, Clock::now() + server.bounds.arrival);
        peer.exchange = std::move(exchange);
    } catch (...) { // out of memory: on_access() refuses what has no exchange
    }
    return nullptr;
}

void Server::on_completed(void *cls, MHD_Connection *, void **, MHD_RequestTerminationCode code)
{
    Peer &peer = *static_cast<Peer *>(cls);
    if (!peer.exchange)
        return;
    const Exchange &exchange = *peer.exchange;
    peer.server->in_memory -= exchange.body.size();
    peer.broken_off = exchange.stage != Stage::answered;
    if (!peer.broken_off)
        peer.parting = exchange.last || exchange.parting || code != MHD_REQUEST_TERMINATED_COMPLETED_OK;
    peer.exchange.reset();
    peer.deadline = Clock::now() + idle_time;
    peer.completed = true;
}

MHD_Result Server::on_access(void *cls, MHD_Connection *, const char *url, const char *method,
                             const char *version, const char *data, size_t *size, void **)
{
    Peer &peer = *static_cast<Peer *>(cls);
    try {
        if (peer.exchange && peer.server->take(*peer.exchange, url, method, version, data, *size) == MHD_YES)
            return MHD_YES;
    } catch (...) { // out of memory
    }
    peer.owed = 500;
    return MHD_NO;
}

// What the library has of the request now; of the body everything is taken.
MHD_Result Server::take(Exchange &exchange, const char *url, const char *method, const char *version,
                        const char *data, size_t &size)
{
    if (exchange.stage == Stage::fresh)
        return begin(exchange, url, method, version);
    if (exchange.stage == Stage::judged)
        return proceed(exchange, {std::move(exchange.refused)});
    if (size > 0)
        return collect(exchange, data, std::exchange(size, 0));
    return finish(exchange);
}

// What no request may be, whoever sends it.
std::optional<Message> Server::flawed(Exchange &exchange, bool modern)
{
    Framing framing;
    MHD_get_connection_values(exchange.connection, MHD_HEADER_KIND, count_header, &framing);
    const std::string &story = exchange.story;
    exchange.parting = framing.parting || !modern;
    if (exchange.target.size() > longest_url)
        return refusal(414, story);
    if (framing.header > longest_header)
        return refusal(431, story);
    const bool chunked = framing.encodings == 0 || strcasecmp(framing.encoding.c_str(), "chunked") == 0;
    const bool number = framing.lengths == 0 || stops_at_number(framing.length);
    if (framing.lengths > 1 || framing.encodings > 1 || (framing.lengths > 0 && framing.encodings > 0) ||
        !number || !chunked || framing.hosts > 1 || (modern && framing.hosts == 0) || framing.odd ||
        framing.logins > 1 || exchange.target.find("%00") != std::string::npos) {
        exchange.last = true;
        return refusal(400, story, "Неоднозначный запрос");
    }
    if (!is_text(exchange))
        return refusal(400, story, "Адрес не в кодировке UTF-8");
    exchange.expected = framing.lengths > 0 ? std::stoull(framing.length) : 0;
    if (exchange.expected > bounds.body)
        return refusal(413, story);
    if (in_memory + exchange.expected > bounds.bodies)
        return refusal(503, story);
    if (!chosen.client_ca.empty() && !peer_of(exchange.connection).tunnel->certified())
        return refusal(403, story, "Требуется сертификат клиента");
    return std::nullopt;
}

MHD_Result Server::begin(Exchange &exchange, const char *url, const char *method, const char *version)
{
    MHD_Connection *connection = exchange.connection;
    std::string forwarded;
    exchange.method = method;
    exchange.path = url;
    exchange.content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    exchange.authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    exchange.encoding = header(connection, MHD_HTTP_HEADER_CONTENT_ENCODING);
    exchange.known_tag = header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, collect_argument, &exchange.query);
    if (!chosen.trusted_proxies.empty())
        MHD_get_connection_values(connection, MHD_HEADER_KIND, join_forwarded, &forwarded);
    exchange.caller = caller_of(peer_of(connection).address, forwarded, chosen.trusted_proxies);
    if (auto flaw = flawed(exchange, std::string_view(version) == MHD_HTTP_VERSION_1_1))
        return proceed(exchange, {std::move(flaw)});
    return proceed(exchange, judge(exchange));
}

MHD_Result Server::proceed(Exchange &exchange, Verdict verdict)
{
    exchange.refused = std::move(verdict.refused);
    if (verdict.hold) {
        exchange.stage = Stage::held;
        exchange.held_until = Clock::now() + penance;
        held.push_back(&exchange);
        MHD_suspend_connection(exchange.connection);
        return MHD_YES;
    }
    exchange.stage = exchange.refused ? Stage::discarding : Stage::reading;
    const bool waits = header(exchange.connection, MHD_HTTP_HEADER_EXPECT) != "";
    if (exchange.refused && (exchange.last || waits || exchange.expected > discarded_body)) {
        exchange.last = peer_of(exchange.connection).lingers = true;
        return queue(exchange, *exchange.refused);
    }
    return MHD_YES;
}

MHD_Result Server::collect(Exchange &exchange, const char *data, size_t size)
{
    if (exchange.stage != Stage::reading)
        return MHD_YES;
    const bool too_long = exchange.body.size() + size > bounds.body;
    if (too_long || in_memory + size > bounds.bodies) {
        in_memory -= exchange.body.size();
        std::string().swap(exchange.body);
        exchange.refused = refusal(too_long ? 413 : 503, exchange.story);
        exchange.last = true;
        exchange.stage = Stage::discarding;
        return MHD_YES;
    }
    if (exchange.body.empty() && exchange.expected > size)
        exchange.body.reserve(std::min(exchange.expected, believed_body));
    exchange.body.append(data, size);
    in_memory += size;
    return MHD_YES;
}

MHD_Result Server::finish(Exchange &exchange)
{
    if (exchange.refused)
        return queue(exchange, *exchange.refused);
    if (exchange.stage != Stage::reading)
        return MHD_NO;
    exchange.stage = Stage::queued;
    exchange.complete = Clock::now();
    exchange.received = std::chrono::system_clock::now();
    waiting.push_back(&exchange);
    MHD_suspend_connection(exchange.connection);
    return MHD_YES;
}

void Server::judge_held()
{
    const auto now = Clock::now();
    std::vector<Exchange *> still;
    for (Exchange *exchange : std::exchange(held, {})) {
        Verdict verdict = judge(*exchange);
        if (verdict.hold && now < exchange->held_until) {
            still.push_back(exchange);
            continue;
        }
        exchange->refused = std::move(verdict.refused);
        exchange->stage = Stage::judged;
        resume(exchange->connection);
    }
    held = std::move(still);
}

std::vector<Exchange *> Server::take_ready(size_t most, const std::function<bool(const Exchange &)> &together)
{
    std::vector<Exchange *> taken;
    while (!waiting.empty() && taken.size() < most) {
        const bool joins = together(*waiting.front());
        if (!joins && !taken.empty())
            break;
        taken.push_back(waiting.front());
        waiting.erase(waiting.begin());
        if (!joins)
            break;
    }
    return taken;
}

} // namespace listener
