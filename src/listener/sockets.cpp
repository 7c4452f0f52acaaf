// See sockets.hpp. SO_REUSEPORT would share the port with any process of the same user, so the first listener
// binds it once without.
#include "listener/sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace listener
{

namespace
{

using Found = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Found look_up(const std::string &name, int port)
{
    addrinfo wanted{}, *found = nullptr;
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    wanted.ai_socktype = SOCK_STREAM;
    const int error =
        getaddrinfo(name == "*" ? nullptr : name.c_str(), std::to_string(port).c_str(), &wanted, &found);
    if (error != 0)
        throw std::runtime_error("could not resolve listen address \"" + name + "\": " + gai_strerror(error));
    return {found, freeaddrinfo};
}

// The bound socket, or -1 and errno.
int bound(const addrinfo &address, bool shared)
{
    const int file = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0)
        return -1;
    const int on = 1;
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared)
        setsockopt(file, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address.ai_family == AF_INET6)
        setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(file, address.ai_addr, address.ai_addrlen) == 0 && (!shared || listen(file, SOMAXCONN) == 0))
        return file;
    const int error = errno;
    close(file);
    errno = error;
    return -1;
}

bool absent_here(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

int open_one(const addrinfo &address, bool alone)
{
    if (alone) {
        const int probe = bound(address, false);
        if (probe < 0)
            return -1;
        close(probe);
    }
    return bound(address, true);
}

void open_name(const std::string &name, int port, bool alone, std::vector<int> &sockets)
{
    const size_t before = sockets.size();
    const Found found = look_up(name, port);
    int error = 0;
    for (const addrinfo *address = found.get(); address; address = address->ai_next) {
        const int file = open_one(*address, alone);
        if (file >= 0)
            sockets.push_back(file);
        else if (error = errno; !absent_here(error))
            break;
    }
    if (sockets.size() == before || (error != 0 && !absent_here(error)))
        throw std::runtime_error("could not listen on \"" + name + "\", port " + std::to_string(port) + ": " +
                                 std::strerror(error));
}

} // namespace

std::vector<int> open_sockets(const std::string &addresses, int port, bool alone)
{
    std::vector<int> sockets;
    try {
        for (size_t at = 0; at <= addresses.size();) {
            const size_t comma = std::min(addresses.find(',', at), addresses.size());
            const size_t first = addresses.find_first_not_of(" \t", at);
            if (first < comma) {
                const size_t last = addresses.find_last_not_of(" \t", comma - 1);
                open_name(addresses.substr(first, last - first + 1), port, alone, sockets);
            }
            at = comma + 1;
        }
    } catch (...) {
        for (const int file : sockets)
            close(file);
        throw;
    }
    return sockets;
}

} // namespace listener
