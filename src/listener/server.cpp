// The life of a request inside the library's callbacks (see server.hpp).
#include "listener/peer.hpp"

#include "http/charset.hpp"

#include <algorithm>
#include <strings.h>
#include <sys/socket.h>

namespace listener
{

namespace
{

using namespace std::chrono_literals;

constexpr auto penance = 500ms;   // what a failed login costs the caller
constexpr auto idle_time = 60s;   // between two requests of a connection
constexpr auto look_pause = 50ms; // between two looks for who is late
constexpr unsigned requests_per_connection = 10000;
constexpr size_t longest_url = 8192, longest_header = 16384, discarded_body = 262144;
constexpr size_t believed_body = 1048576; // announced bytes for which memory is taken before they come

// What the header says of the size of the body.
struct Framing {
    unsigned lengths = 0, encodings = 0, hosts = 0, logins = 0;
    size_t header = 0;
    bool odd = false; // a name that another reader may take for something else
    std::string length;
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

// Wakes the library where the client has said that nothing more will come.
void close_if_gone(int file)
{
    char next;
    if (recv(file, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        shutdown(file, SHUT_RDWR);
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

void *Server::on_uri(void *cls, const char *uri, MHD_Connection *connection)
try {
    auto &server = *static_cast<Server *>(cls);
    const auto *context = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    auto *peer = context ? static_cast<Peer *>(context->socket_context) : nullptr;
    if (peer == nullptr)
        return nullptr;
    peer->exchange = std::make_unique<Exchange>();
    peer->exchange->connection = connection;
    peer->exchange->target = uri;
    peer->exchange->correlation = random_uuid();
    peer->exchange->story = print(peer->exchange->correlation);
    peer->exchange->last = ++peer->requests >= requests_per_connection || server.retired;
    peer->deadline = std::min(peer->deadline, Clock::now() + server.bounds.arrival);
    return peer->exchange.get();
} catch (...) {
    return nullptr;
}

void Server::on_connection(void *cls, MHD_Connection *connection, void **context,
                           MHD_ConnectionNotificationCode code)
try {
    auto &server = *static_cast<Server *>(cls);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context)
            server.peers.erase(static_cast<Peer *>(*context)->self);
        *context = nullptr;
        return;
    }
    Peer &peer = server.peers.emplace_front();
    peer.server = &server;
    peer.self = server.peers.begin();
    peer.deadline = Clock::now() + server.bounds.arrival;
    if (const auto *file = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD))
        peer.file = file->connect_fd;
    if (const auto *from = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS))
        peer.address = address_of(from->client_addr);
    *context = &peer;
} catch (...) {
    *context = nullptr;
}

void Server::on_completed(void *cls, MHD_Connection *connection, void **context, MHD_RequestTerminationCode)
try {
    auto &server = *static_cast<Server *>(cls);
    const auto *exchange = static_cast<Exchange *>(*context);
    *context = nullptr;
    if (exchange == nullptr)
        return;
    server.in_memory -= exchange->body.size();
    const auto *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    auto *peer = info ? static_cast<Peer *>(info->socket_context) : nullptr;
    if (peer == nullptr)
        return;
    peer->exchange.reset();
    peer->deadline = Clock::now() + idle_time;
    server.finished.push_back(peer->file);
} catch (...) {
    *context = nullptr;
}

MHD_Result Server::on_access(void *cls, MHD_Connection *, const char *url, const char *method,
                             const char *version, const char *data, size_t *size, void **context)
try {
    auto &server = *static_cast<Server *>(cls);
    auto *exchange = static_cast<Exchange *>(*context);
    if (exchange == nullptr)
        return MHD_NO;
    if (exchange->stage == Stage::fresh)
        return server.begin(*exchange, url, method, version);
    if (exchange->stage == Stage::judged)
        return server.proceed(*exchange, {std::move(exchange->refused)});
    if (*size > 0) {
        const size_t arrived = *size;
        *size = 0;
        return server.collect(*exchange, data, arrived);
    }
    return server.finish(*exchange);
} catch (...) {
    return MHD_NO;
}

// What no request may be, whoever sends it.
std::optional<Message> Server::flawed(Exchange &exchange, bool needs_host)
{
    Framing framing;
    MHD_get_connection_values(exchange.connection, MHD_HEADER_KIND, count_header, &framing);
    const std::string &story = exchange.story;
    if (exchange.target.size() > longest_url)
        return refusal(414, story);
    if (framing.header > longest_header)
        return refusal(431, story);
    const bool number = framing.lengths == 0 || stops_at_number(framing.length);
    if (framing.lengths > 1 || framing.encodings > 1 || (framing.lengths > 0 && framing.encodings > 0) ||
        !number || framing.hosts > 1 || (needs_host && framing.hosts == 0) || framing.odd ||
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
    if (!certified(exchange.connection))
        return refusal(403, story, "Требуется сертификат клиента");
    return std::nullopt;
}

MHD_Result Server::begin(Exchange &exchange, const char *url, const char *method, const char *version)
{
    MHD_Connection *connection = exchange.connection;
    const auto *context = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
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
    exchange.caller =
        caller_of(static_cast<Peer *>(context->socket_context)->address, forwarded, chosen.trusted_proxies);
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
        exchange.last = true;
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
        MHD_resume_connection(exchange->connection);
    }
    held = std::move(still);
}

void Server::step()
{
    for (MHD_Daemon *daemon : daemons)
        MHD_run(daemon);
    close_finished();
    if (Clock::now() - looked > look_pause)
        cut_late();
}

// The library forgets that a client had nothing more to say when that became known while he waited for his
// reply.
void Server::close_finished()
{
    for (const int file : finished)
        close_if_gone(file);
    finished.clear();
}

void Server::cut_late()
{
    looked = Clock::now();
    const bool asks_idle = looked - asked_idle > 1s;
    if (asks_idle)
        asked_idle = looked;
    for (Peer &peer : peers) {
        const bool busy =
            peer.exchange && (peer.exchange->stage == Stage::queued || peer.exchange->stage == Stage::held);
        if (!busy && peer.deadline < looked)
            cut(peer);
        else if (asks_idle && !peer.exchange)
            close_if_gone(peer.file);
    }
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
