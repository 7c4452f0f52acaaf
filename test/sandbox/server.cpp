/*
 * The HTTP side of the sandbox bank: the life of one exchange. Start and stop are in server_start.cpp,
 * contracts in server.h.
 */
#include "exchange.h"

#include "fault_reply.h"
#include "stream.h"
#include "text.h"

namespace sandbox
{

namespace
{

constexpr std::size_t body_limit = 256U * 1024 * 1024;
constexpr std::uint64_t for_ever_ms = 24ULL * 3600 * 1000;

MHD_Result collect_pair(void *cls, MHD_ValueKind, const char *key, std::size_t key_size, const char *value,
                        std::size_t value_size)
{
    static_cast<Pairs *>(cls)->emplace_back(std::string(key, key_size),
                                            value ? std::string(value, value_size) : "");
    return MHD_YES;
}

std::uint64_t number_of(const Request &request, std::string_view name)
{
    const std::string *value = request.parameter(name);
    return value && is_integer(*value) && !value->starts_with('-') && value->size() < 10 ? std::stoull(*value)
                                                                                         : 0;
}

} // namespace

MHD_Result Server::on_access(void *cls, MHD_Connection *, const char *url, const char *method, const char *,
                             const char *data, std::size_t *size, void **context)
{
    auto &server = *static_cast<Server *>(cls);
    auto &exchange = *static_cast<Exchange *>(*context);
    try {
        if (exchange.stage == Stage::fresh)
            return server.begin(exchange, url, method);
        if (*size > 0) {
            exchange.too_large = exchange.too_large || exchange.request.body.size() + *size > body_limit;
            if (!exchange.echo && !exchange.too_large)
                exchange.request.body.append(data, *size);
            *size = 0;
            return MHD_YES;
        }
        return server.step(exchange);
    } catch (const std::exception &error) {
        return server.send(exchange, json_reply(envelope(500, error.what()), 500));
    }
}

MHD_Result Server::begin(Exchange &exchange, const char *url, const char *method)
{
    Request &request = exchange.request;
    exchange.stage = Stage::reading;
    request.method = method;
    request.path = url;
    exchange.echo = request.path == "/bench/echo";
    const auto *context = MHD_get_connection_info(exchange.connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    auto &peer = *static_cast<Peer *>(context->socket_context);
    request.connection = peer.number;
    request.nth = ++peer.requests;
    const std::size_t mark = exchange.uri.find('?');
    if (mark != std::string::npos)
        request.query_text = exchange.uri.substr(mark + 1);
    MHD_get_connection_values_n(exchange.connection, MHD_GET_ARGUMENT_KIND, collect_pair, &request.query);
    if (exchange.echo)
        return MHD_YES;
    MHD_get_connection_values_n(exchange.connection, MHD_HEADER_KIND, collect_pair, &request.headers);
    for (auto &header : request.headers)
        header.first = to_lower(header.first);
    return MHD_YES;
}

MHD_Result Server::step(Exchange &exchange)
{
    switch (exchange.stage) {
    case Stage::reading:
        return arrived(exchange);
    case Stage::waiting:
        return deliver(exchange);
    default:
        return MHD_NO;
    }
}

MHD_Result Server::arrived(Exchange &exchange)
{
    exchange.stage = Stage::waiting;
    if (exchange.echo)
        return echo(exchange);
    if (exchange.too_large)
        return send(exchange, json_reply(envelope(413, "тело запроса слишком велико"), 413));
    if (!client_allowed(exchange.connection))
        return send(exchange, json_reply(envelope(403, "нужен сертификат клиента"), 403));
    if (exchange.request.path.starts_with("/_/"))
        return send(exchange, bank_.control(exchange.request));
    exchange.plan = bank_.arrived(exchange.request);
    if (exchange.plan.fault.wait_ms > 0 && waits_.suspend(exchange.connection, exchange.plan.fault.wait_ms))
        return MHD_YES;
    return deliver(exchange);
}

MHD_Result Server::deliver(Exchange &exchange)
{
    if (exchange.echo)
        return MHD_queue_response(exchange.connection, MHD_HTTP_OK, echo_response_);
    Plan &plan = exchange.plan;
    bank_.answer(plan, exchange.request);
    const Reply usual = shape_reply(plan.fault, plan.usual());
    switch (plan.fault.kind) {
    case FaultKind::reset:
    case FaultKind::close:
    case FaultKind::hang:
    case FaultKind::garbage:
    case FaultKind::endless_headers:
    case FaultKind::drip:
        return on_wire(exchange, usual);
    case FaultKind::truncate:
    case FaultKind::huge:
    case FaultKind::endless_body:
        return streamed(exchange, usual);
    default:
        bank_.finished(plan, exchange.request, usual.status);
        return send(exchange, usual);
    }
}

MHD_Result Server::echo(Exchange &exchange)
{
    const std::uint64_t before = bank_.echoed();
    std::uint64_t delay = number_of(exchange.request, "delay_ms");
    const std::uint64_t slow_every = number_of(exchange.request, "slow_every");
    if (slow_every > 0 && before % slow_every == slow_every - 1)
        delay = number_of(exchange.request, "slow_ms");
    if (delay > 0 && waits_.suspend(exchange.connection, delay))
        return MHD_YES;
    return deliver(exchange);
}

MHD_Result Server::on_wire(Exchange &exchange, const Reply &usual)
{
    const FaultRule &fault = exchange.plan.fault;
    const bool answers = fault.kind == FaultKind::drip;
    bank_.finished(exchange.plan, exchange.request, answers ? usual.status : 0);
    exchange.stage = Stage::closing;
    Wire wire(exchange.connection);
    if (fault.kind == FaultKind::hang && waits_.suspend(exchange.connection, for_ever_ms))
        return MHD_YES;
    if (fault.kind == FaultKind::reset)
        wire.reset();
    if (fault.kind == FaultKind::garbage)
        wire.send(fault.body ? *fault.body : std::string("\x15\x03\x01 not HTTP \xFF\xFE\r\n\r\n\0\0", 22));
    if (fault.kind == FaultKind::endless_headers || fault.kind == FaultKind::drip)
        return exchange.write_slowly(wire_threads_, wire_text(usual));
    return MHD_NO;
}

MHD_Result Server::streamed(Exchange &exchange, const Reply &usual)
{
    bank_.finished(exchange.plan, exchange.request, usual.status);
    MHD_Response *response = stream_response(exchange.plan.fault, usual, exchange.connection, waits_);
    return queue(exchange.connection, usual.status, usual, response);
}

MHD_Result Server::send(Exchange &exchange, const Reply &reply)
{
    MHD_Response *response = MHD_create_response_from_buffer(
        reply.body.size(), const_cast<char *>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
    return queue(exchange.connection, reply.status, reply, response);
}

MHD_Result Server::queue(MHD_Connection *connection, int status, const Reply &reply, MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
    for (const auto &[name, value] : reply.headers)
        MHD_add_response_header(response, name.c_str(), value.c_str());
    const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(status), response);
    MHD_destroy_response(response);
    return queued;
}

} // namespace sandbox
