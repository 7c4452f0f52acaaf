// Start and end of the listener's server: sockets, certificates, limits of the library (see server.hpp).
#include "listener/peer.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace listener
{

namespace
{

constexpr rlim_t connections = 1024;
constexpr rlim_t files_each = 2;     // the socket and its daemon's descriptor
constexpr rlim_t files_beside = 384; // connections that take their leave, daemons that wait
constexpr size_t memory_per_connection =
    65536; // header and URL; what is larger the library refuses by itself

// How many connections this process can hold: their descriptors come on top of what PostgreSQL was promised.
rlim_t room_for_connections()
{
    static rlim_t room = 0;
    rlimit files{};
    if (room > 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return std::max<rlim_t>(room, 32);
    const rlim_t before = files.rlim_cur, wanted = before + connections * files_each + files_beside;
    files.rlim_cur = std::min(wanted, files.rlim_max);
    const rlim_t more = setrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur - before : 0;
    room = more > files_beside ? (more - files_beside) / files_each : 0;
    return room = std::max<rlim_t>(room, std::min(before / 4 / files_each, connections));
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
    : chosen(std::move(what)), judge(std::move(who)), told(std::move(whom)), listeners(sockets)
{
    try {
        start();
    } catch (...) {
        stop_listening();
        close(epoll);
        throw;
    }
}

void Server::start()
{
    if (!chosen.certificate.empty())
        tls = std::make_unique<Tls>(chosen.certificate, chosen.key, chosen.client_ca);
    room = room_for_connections() / (tls ? 2 : 1);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event arrives{};
    arrives.events = EPOLLIN | EPOLLET;
    for (const int socket : listeners)
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &arrives) != 0)
            throw std::runtime_error("could not wait for the HTTP server");
    // Without messages it does not tell what it refuses.
    if (MHD_is_feature_supported(MHD_FEATURE_MESSAGES) == MHD_NO || !start_daemon())
        throw std::runtime_error("could not start the HTTP server");
}

// One more spare daemon; false when the library cannot.
bool Server::start_daemon()
{
    Peer &peer = spare.emplace_front();
    peer.server = this;
    std::array<MHD_OptionItem, 7> items = {{
        {MHD_OPTION_EXTERNAL_LOGGER, reinterpret_cast<std::intptr_t>(&Server::on_log), &peer},
        {MHD_OPTION_CONNECTION_LIMIT, 1, nullptr},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_per_connection, nullptr},
        {MHD_OPTION_URI_LOG_CALLBACK, reinterpret_cast<std::intptr_t>(&Server::on_uri), &peer},
        {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<std::intptr_t>(&Server::on_connection), &peer},
        {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<std::intptr_t>(&Server::on_completed), &peer},
        {MHD_OPTION_END, 0, nullptr},
    }};
    // Turbo: what the library closes it does not shut down before, so that a last word is possible.
    constexpr unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                               MHD_USE_TURBO | MHD_USE_ERROR_LOG;
    peer.daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, &Server::on_access, &peer, MHD_OPTION_ARRAY,
                                   items.data(), MHD_OPTION_END);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &peer;
    if (peer.daemon != nullptr &&
        epoll_ctl(epoll, EPOLL_CTL_ADD, MHD_get_daemon_info(peer.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                  &event) == 0)
        return true;
    if (peer.daemon != nullptr)
        MHD_stop_daemon(peer.daemon);
    spare.pop_front();
    return false;
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
    for (Peer &peer : peers)
        peer.parted = true;
    for (auto *list : {&peers, &spare})
        for (Peer &peer : *list)
            if (peer.daemon != nullptr)
                MHD_stop_daemon(peer.daemon);
    stop_listening();
    close(epoll);
}

// A successor may have the same sockets, so they do not leave the descriptor by being closed.
void Server::stop_listening()
{
    for (const int file : listeners) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, file, nullptr);
        close(file);
    }
    listeners.clear();
    accept_due = Clock::time_point::max();
}

std::vector<int> Server::listening() const
{
    std::vector<int> copies;
    for (const int file : listeners)
        if (const int again = fcntl(file, F_DUPFD_CLOEXEC, 0); again >= 0)
            copies.push_back(again);
    return copies;
}

void Server::retire(std::chrono::milliseconds patience)
{
    retired = true;
    stop_listening();
    const auto now = Clock::now();
    for (Peer &peer : peers)
        peer.deadline = std::min(peer.deadline, now + (peer.exchange ? patience : patience / 10));
}

} // namespace listener
