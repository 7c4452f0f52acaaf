// See farewell.hpp.
#include "listener/farewell.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace listener
{

namespace
{

using namespace std::chrono_literals;

constexpr auto patience = 3s;
constexpr size_t most = 128;
constexpr size_t piece = 1048576;
constexpr int pieces_per_look = 4;

// Both ways are closed, or the connection is broken.
bool has_ended(int socket)
{
    tcp_info info{};
    socklen_t size = sizeof info;
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_state == TCP_CLOSE;
}

void throw_away(int socket)
{
    for (int i = 0; i < pieces_per_look; ++i)
        if (recv(socket, nullptr, piece, MSG_TRUNC | MSG_DONTWAIT) <= 0)
            return;
}

} // namespace

Farewells::~Farewells()
{
    for (const One &one : waiting)
        close(one.socket);
}

void Farewells::add(int socket)
{
    shutdown(socket, SHUT_WR);
    if (waiting.size() >= most) {
        close(waiting.front().socket);
        waiting.pop_front();
    }
    waiting.push_back({socket, std::chrono::steady_clock::now() + patience});
}

void Farewells::look()
{
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(waiting, [now](const One &one) {
        throw_away(one.socket);
        if (!has_ended(one.socket) && now < one.until)
            return false;
        close(one.socket);
        return true;
    });
}

} // namespace listener
