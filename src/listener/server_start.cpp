// Start and end of the listener's server: sockets, certificates, limits of the library (see server.hpp).
#include "listener/peer.hpp"

#include <algorithm>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace listener
{

namespace
{

constexpr rlim_t connections = 1024;
constexpr unsigned connections_per_address = 256;
constexpr size_t memory_per_connection =
    65536; // header and URL; what is larger the library refuses by itself
constexpr const char *protocols = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";

// How many connections this process can hold: their descriptors come on top of what PostgreSQL was promised.
rlim_t room_for_connections()
{
    static rlim_t room = 0;
    rlimit files{};
    if (room > 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return std::max<rlim_t>(room, 64);
    const rlim_t wanted = files.rlim_cur + connections, allowed = std::min(wanted, files.rlim_max);
    const rlim_t before = files.rlim_cur;
    files.rlim_cur = allowed;
    room = setrlimit(RLIMIT_NOFILE, &files) == 0 ? allowed - before : 0;
    return room = std::max<rlim_t>(room, std::min(before / 4, connections));
}

} // namespace

bool Options::operator==(const Options &other) const
{
    const auto same = [](const Network &a, const Network &b) { return a.base == b.base && a.bits == b.bits; };
    return port == other.port && addresses == other.addresses && certificate == other.certificate &&
           key == other.key && client_ca == other.client_ca &&
           std::equal(trusted_proxies.begin(), trusted_proxies.end(), other.trusted_proxies.begin(),
                      other.trusted_proxies.end(), same);
}

Server::Server(Options what, const std::vector<int> &sockets, Judge who, Told whom)
    : chosen(std::move(what)), judge(std::move(who)), told(std::move(whom))
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    try {
        for (const int socket : sockets)
            start(socket);
    } catch (...) {
        for (MHD_Daemon *daemon : daemons)
            MHD_stop_daemon(daemon);
        for (size_t i = daemons.size(); i < sockets.size(); ++i)
            close(sockets[i]);
        close(epoll);
        throw;
    }
}

void Server::start(int socket)
{
    const auto room = static_cast<std::intptr_t>(room_for_connections());
    const std::intptr_t per_address = chosen.trusted_proxies.empty() ? connections_per_address : room;
    std::vector<MHD_OptionItem> items = {
        {MHD_OPTION_LISTEN_SOCKET, socket, nullptr},
        {MHD_OPTION_CONNECTION_LIMIT, room, nullptr},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address, nullptr},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_per_connection, nullptr},
        // What the library would refuse with a page of its own, flawed() refuses in JSON.
        {MHD_OPTION_STRICT_FOR_CLIENT, 0, nullptr},
        {MHD_OPTION_URI_LOG_CALLBACK, reinterpret_cast<std::intptr_t>(&Server::on_uri), this},
        {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<std::intptr_t>(&Server::on_connection), this},
        {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<std::intptr_t>(&Server::on_completed), this},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    const auto text = [&items](MHD_OPTION option, const char *value) {
        items.push_back({option, 0, const_cast<char *>(value)});
    };
    if (!chosen.certificate.empty()) {
        flags |= MHD_USE_TLS;
        text(MHD_OPTION_HTTPS_MEM_CERT, chosen.certificate.c_str());
        text(MHD_OPTION_HTTPS_MEM_KEY, chosen.key.c_str());
        text(MHD_OPTION_HTTPS_PRIORITIES, protocols);
        if (!chosen.client_ca.empty())
            text(MHD_OPTION_HTTPS_MEM_TRUST, chosen.client_ca.c_str());
    }
    items.push_back({MHD_OPTION_END, 0, nullptr});
    MHD_Daemon *daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, &Server::on_access, this,
                                          MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END);
    if (daemon == nullptr)
        throw std::runtime_error(chosen.certificate.empty()
                                     ? "could not start the HTTP server"
                                     : "could not start the HTTP server with this certificate");
    daemons.push_back(daemon);
    epoll_event event{};
    event.events = EPOLLIN;
    const int inner = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, inner, &event) != 0)
        throw std::runtime_error("could not wait for the HTTP server");
}

Server::~Server()
{
    for (const auto &weak : streams)
        if (const auto stream = weak.lock()) {
            stream->broken = true;
            if (stream->wanted)
                MHD_resume_connection(stream->connection);
        }
    for (const auto *list : {&waiting, &held})
        for (const Exchange *exchange : *list)
            MHD_resume_connection(exchange->connection);
    for (MHD_Daemon *daemon : daemons)
        MHD_stop_daemon(daemon);
    close(epoll);
}

std::vector<int> Server::sockets() const
{
    std::vector<int> files;
    for (MHD_Daemon *daemon : daemons)
        if (const int file = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd; file >= 0)
            files.push_back(file);
    return files;
}

std::vector<int> Server::listening() const
{
    std::vector<int> copies;
    for (const int file : sockets())
        if (const int again = fcntl(file, F_DUPFD_CLOEXEC, 0); again >= 0)
            copies.push_back(again);
    return copies;
}

void Server::adopt(const Arrival &arrival)
{
    // The library closes what it does not take.
    if (arrival.through < daemons.size())
        MHD_add_connection(daemons[arrival.through], arrival.socket,
                           reinterpret_cast<const sockaddr *>(&arrival.from), arrival.size);
    else
        close(arrival.socket);
}

void Server::retire(std::chrono::milliseconds patience)
{
    retired = true;
    for (MHD_Daemon *daemon : daemons)
        if (const int file = MHD_quiesce_daemon(daemon); file >= 0)
            close(file);
    const auto now = Clock::now();
    for (Peer &peer : peers)
        peer.deadline = std::min(peer.deadline, now + (peer.exchange ? patience : patience / 10));
}

bool Server::certified(MHD_Connection *connection) const
{
    if (chosen.client_ca.empty())
        return true;
    const auto *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == nullptr)
        return false;
    unsigned status = 0;
    return gnutls_certificate_verify_peers2(static_cast<gnutls_session_t>(info->tls_session), &status) ==
               GNUTLS_E_SUCCESS &&
           status == 0;
}

} // namespace listener
