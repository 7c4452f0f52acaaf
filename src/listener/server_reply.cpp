// Replies: whole messages, and files piece by piece (see server.hpp).
#include "listener/peer.hpp"

#include <algorithm>
#include <cstring>

namespace listener
{

namespace
{

using namespace std::chrono_literals;

constexpr auto reading_time = 60s;       // for the client to read a reply of no size …
constexpr size_t slowest_reader = 16384; // … and a second more for each so many bytes
constexpr size_t piece_size = 262144;    // what the library asks for at once

} // namespace

ssize_t Server::on_stream(void *cls, std::uint64_t at, char *to, size_t most)
{
    Stream &stream = **static_cast<std::shared_ptr<Stream> *>(cls);
    if (stream.broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (at >= stream.piece_at && at < stream.piece_at + stream.piece.size()) {
        const size_t from = static_cast<size_t>(at - stream.piece_at);
        const size_t size = std::min(most, stream.piece.size() - from);
        std::memcpy(to, stream.piece.data() + from, size);
        return static_cast<ssize_t>(size);
    }
    stream.wanted = true;
    MHD_suspend_connection(stream.connection);
    return 0;
}

void Server::on_stream_end(void *cls)
{
    delete static_cast<std::shared_ptr<Stream> *>(cls);
}

std::vector<std::shared_ptr<Stream>> Server::hungry()
{
    std::vector<std::shared_ptr<Stream>> wanting;
    std::erase_if(streams, [](const auto &weak) { return weak.expired(); });
    for (const auto &weak : streams)
        if (auto stream = weak.lock(); stream && stream->wanted)
            wanting.push_back(std::move(stream));
    return wanting;
}

void Server::feed(Stream &stream, const std::optional<std::string> &bytes)
{
    stream.wanted = false;
    stream.broken = !bytes || bytes->empty();
    if (!stream.broken) {
        stream.piece_at += stream.piece.size();
        stream.piece = stream.base64 ? to_base64(*bytes) : *bytes;
        stream.read += bytes->size();
    }
    resume(stream.connection);
}

MHD_Response *Server::response_of(Exchange &exchange, const Message &message)
{
    if (!message.stream)
        return MHD_create_response_from_buffer(message.body.size(), const_cast<char *>(message.body.data()),
                                               MHD_RESPMEM_MUST_COPY);
    const Stream &stream = *message.stream;
    message.stream->connection = exchange.connection;
    streams.push_back(message.stream);
    return MHD_create_response_from_callback(
        stream.base64 ? (stream.size + 2) / 3 * 4 : stream.size, piece_size, &Server::on_stream,
        new std::shared_ptr<Stream>(message.stream), &Server::on_stream_end);
}

MHD_Result Server::queue(Exchange &exchange, const Message &message)
{
    MHD_Response *response = response_of(exchange, message);
    if (response == nullptr)
        return MHD_NO;
    told(&exchange, message);
    each_header(message, exchange.story, [response](const char *name, const std::string &value) {
        MHD_add_response_header(response, name, value.c_str());
    });
    if (exchange.last || retired)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    const MHD_Result queued =
        MHD_queue_response(exchange.connection, static_cast<unsigned>(message.status), response);
    MHD_destroy_response(response);
    exchange.stage = Stage::answered;
    const std::uint64_t size = message.stream ? message.stream->size * 4 / 3 : message.body.size();
    peer_of(exchange.connection).deadline =
        Clock::now() + reading_time + std::chrono::seconds(size / slowest_reader);
    return queued;
}

void Server::answer(Exchange &exchange, const Message &message)
{
    in_memory -= exchange.body.size();
    std::string().swap(exchange.body);
    MHD_Connection *connection = exchange.connection;
    queue(exchange, message);
    resume(connection);
}

} // namespace listener
