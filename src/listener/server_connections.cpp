// Who comes and who goes (see server.hpp): connections are accepted, counted, given to a daemon of their own,
// run when their descriptors say so, cut when they are late.
#include "listener/peer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace listener
{

namespace
{

using namespace std::chrono_literals;

constexpr auto look_pause = 50ms;     // between two looks for who is late
constexpr auto no_room_pause = 100ms; // before the system is asked again for a descriptor
constexpr size_t connections_per_address = 256;
constexpr int accepted_at_once = 1024;
constexpr size_t most_spare = 128;

// Wakes the library where the client has said that nothing more will come: it overlooks that when it came
// together with data or while a reply was awaited. What it has to say itself can still be said.
void tell_if_gone(int file)
{
    char next;
    if (recv(file, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        shutdown(file, SHUT_RD);
}

Arrival next_arrival(int listening)
{
    Arrival arrival{};
    do {
        arrival.size = sizeof arrival.from;
        arrival.socket = accept4(listening, reinterpret_cast<sockaddr *>(&arrival.from), &arrival.size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (arrival.socket < 0 && (errno == EINTR || errno == ECONNABORTED));
    return arrival;
}

} // namespace

Server::Peer &Server::peer_of(MHD_Connection *connection)
{
    const auto *context = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return *static_cast<Peer *>(context->socket_context);
}

void Server::on_connection(void *cls, MHD_Connection *, void **context, MHD_ConnectionNotificationCode code)
{
    Peer &peer = *static_cast<Peer *>(cls);
    *context = code == MHD_CONNECTION_NOTIFY_STARTED ? &peer : nullptr;
    if (code != MHD_CONNECTION_NOTIFY_CLOSED || peer.file < 0)
        return;
    try {
        peer.server->part(peer);
    } catch (...) { // closed without a word, then
    }
    peer.file = -1;
}

// Everybody who waits, as far as there are descriptors.
void Server::accept_waiting()
{
    int left = accepted_at_once;
    for (const int listening : listeners)
        while (true) {
            const Arrival arrival = next_arrival(listening);
            if (arrival.socket < 0 && errno != EAGAIN) {
                accept_due = Clock::now() + no_room_pause;
                return;
            }
            if (arrival.socket < 0)
                break;
            adopt(arrival);
            if (--left == 0)
                return;
        }
    accept_due = Clock::time_point::max();
}

void Server::adopt(const Arrival &arrival)
{
    const Address address = address_of(reinterpret_cast<const sockaddr *>(&arrival.from));
    if (is_full(address) || !serve(arrival, address))
        turn_away(arrival, address);
}

bool Server::is_full(const Address &address) const
{
    if (peers.size() >= room)
        return true;
    if (!chosen.trusted_proxies.empty() || peers.size() < connections_per_address)
        return false;
    const auto same = [&address](const Peer &peer) { return peer.address == address; };
    return static_cast<size_t>(std::count_if(peers.begin(), peers.end(), same)) >= connections_per_address;
}

// The peer of this list becomes one that is connected.
Server::Peer &Server::take_in(std::list<Peer> &from, const Address &address)
{
    peers.splice(peers.begin(), from, from.begin());
    Peer &peer = peers.front();
    MHD_Daemon *daemon = peer.daemon;
    peer = Peer{};
    peer.server = this;
    peer.self = peers.begin();
    peer.daemon = daemon;
    peer.address = address;
    peer.deadline = Clock::now() + bounds.arrival;
    return peer;
}

// A tunnel for the connection; false, and the socket is still the caller's, when there can be none.
bool Server::make_tunnel(Peer &peer, int wire)
{
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &peer;
    try {
        peer.tunnel = std::make_unique<Tunnel>(*tls, wire);
    } catch (const std::runtime_error &) {
        return false;
    }
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, wire, &event) == 0 &&
        epoll_ctl(epoll, EPOLL_CTL_ADD, peer.tunnel->inside(), &event) == 0)
        return true;
    epoll_ctl(epoll, EPOLL_CTL_DEL, peer.tunnel->leave(), nullptr);
    peer.tunnel.reset();
    return false;
}

// False: the system or the library has no means for it; the socket is still the caller's.
bool Server::serve(const Arrival &arrival, const Address &address)
{
    if (spare.empty() && !start_daemon())
        return false;
    Peer &peer = take_in(spare, address);
    if (tls && !make_tunnel(peer, arrival.socket)) {
        release(peer);
        return false;
    }
    peer.file = tls ? peer.tunnel->far_end() : arrival.socket;
    // The library closes what it does not take.
    if (MHD_add_connection(peer.daemon, peer.file, reinterpret_cast<const sockaddr *>(&arrival.from),
                           arrival.size) != MHD_YES)
        peer.file = -1;
    make_due(peer);
    return true;
}

// Its connection has gone; the daemon waits for the next.
void Server::release(Peer &peer)
{
    if (std::exchange(peer.due, false))
        std::erase(due, &peer);
    if (peer.tunnel) {
        const int wire = peer.tunnel->leave();
        epoll_ctl(epoll, EPOLL_CTL_DEL, wire, nullptr);
        if (peer.tunnel->ended())
            farewells.add(wire);
        else
            close(wire);
        peer.tunnel.reset();
    }
    if (peer.daemon == nullptr) {
        peers.erase(peer.self);
        return;
    }
    spare.splice(spare.begin(), peers, peer.self);
    if (spare.size() > most_spare) {
        MHD_stop_daemon(spare.back().daemon);
        spare.pop_back();
    }
}

void Server::make_due(Peer &peer)
{
    if (!std::exchange(peer.due, true))
        due.push_back(&peer);
}

void Server::resume(MHD_Connection *connection)
{
    make_due(peer_of(connection));
    MHD_resume_connection(connection);
}

void Server::run(Peer &peer)
{
    bool more = peer.tunnel && peer.tunnel->pump();
    if (peer.file >= 0)
        MHD_run(peer.daemon);
    if (peer.tunnel)
        more = peer.tunnel->pump() || more;
    if (peer.file < 0 && (!peer.tunnel || peer.tunnel->ended()))
        return release(peer);
    if (std::exchange(peer.completed, false) && peer.file >= 0 && !peer.exchange)
        tell_if_gone(peer.file);
    MHD_UNSIGNED_LONG_LONG wanted = 0;
    if (more || (peer.file >= 0 && MHD_get_timeout(peer.daemon, &wanted) == MHD_YES && wanted == 0))
        make_due(peer);
}

void Server::step()
{
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll, events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i)
        if (auto *peer = static_cast<Peer *>(events[i].data.ptr))
            make_due(*peer);
        else
            accept_due = {};
    const std::vector<Peer *> now = std::exchange(due, {});
    for (Peer *peer : now)
        peer->due = false;
    for (Peer *peer : now)
        run(*peer);
    if (accept_due <= Clock::now())
        accept_waiting();
    if (Clock::now() - looked > look_pause)
        cut_late();
}

void Server::cut_late()
{
    looked = Clock::now();
    const bool asks = looked - asked > 1s;
    if (asks)
        asked = looked;
    for (auto next = peers.begin(); next != peers.end();) {
        Peer &peer = *next++;
        const Stage stage = peer.exchange ? peer.exchange->stage : Stage::fresh;
        const bool busy = stage == Stage::queued || stage == Stage::held;
        if (!busy && peer.deadline < looked)
            cut(peer);
        else if (asks && !busy && stage != Stage::answered && peer.file >= 0)
            tell_if_gone(peer.file);
    }
    farewells.look();
}

long Server::timeout() const
{
    std::chrono::milliseconds least = 1s;
    if (!due.empty())
        return 0;
    if (!peers.empty())
        least = held.empty() ? 250ms : look_pause;
    if (!farewells.empty())
        least = look_pause;
    if (accept_due != Clock::time_point::max())
        least = std::min(least, accept_due > Clock::now() ? no_room_pause : 0ms);
    return least.count();
}

} // namespace listener
