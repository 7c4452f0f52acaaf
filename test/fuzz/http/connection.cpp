// Sockets behind connection.hpp. Closed with a reset, so that no port waits for its time to pass.
#include "connection.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace fuzz
{

namespace
{

using Clock = std::chrono::steady_clock;

} // namespace

long length_in(std::string head)
{
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::size_t at = head.find("\r\ncontent-length:");
    return at == std::string::npos ? -1 : std::strtol(head.c_str() + at + 17, nullptr, 10);
}

Connection::Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const linger reset{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (connect(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
        close(socket_);
        throw std::runtime_error("nobody listens on port " + std::to_string(port));
    }
}

Connection::~Connection()
{
    close(socket_);
}

bool Connection::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        // A server that has answered need not read the rest.
        pollfd place{socket_, POLLOUT, 0};
        if (poll(&place, 1, 10000) <= 0)
            return false;
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            continue;
        if (sent <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void Connection::finish()
{
    shutdown(socket_, SHUT_WR);
}

// Reads once; false when the connection has ended or the time is over.
bool Connection::fill(Clock::time_point until)
{
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd place{socket_, POLLIN, 0};
    if (ended_ || left <= 0 || poll(&place, 1, static_cast<int>(left)) <= 0)
        return false;
    char buffer[65536];
    const ssize_t size = recv(socket_, buffer, sizeof buffer, 0);
    ended_ = size <= 0;
    if (!ended_)
        arrived_.append(buffer, static_cast<std::size_t>(size));
    return !ended_;
}

std::optional<Reply> Connection::receive(std::chrono::seconds patience)
{
    const auto until = Clock::now() + patience;
    while (true) {
        const std::size_t end = arrived_.find("\r\n\r\n");
        if (end != std::string::npos) {
            Reply reply{0, arrived_.substr(0, end + 2), {}};
            if (reply.head.size() > 12)
                reply.status = std::atoi(reply.head.c_str() + 9);
            if (reply.status == 100) {
                arrived_.erase(0, end + 4);
                continue;
            }
            const long size = length_in(reply.head);
            const std::size_t whole = end + 4 + static_cast<std::size_t>(std::max(size, 0L));
            if (size >= 0 && arrived_.size() >= whole) {
                reply.body = arrived_.substr(end + 4, whole - end - 4);
                arrived_.erase(0, whole);
                return reply;
            }
        }
        if (!fill(until))
            return std::nullopt;
    }
}

std::optional<std::string> Connection::drain(std::chrono::seconds patience)
{
    const auto until = Clock::now() + patience;
    while (fill(until)) {
    }
    return ended_ ? std::optional(arrived_) : std::nullopt;
}

} // namespace fuzz
