// What is said past the library (see server.hpp): it has a page of its own for what it finds wrong with a
// request, closes without a word where it finds no request at all, and takes no reply before a request is
// complete. All of these get the refusal that any other flaw gets; then the way out is closed, so that what
// the library would say goes nowhere.
#include "listener/peer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace listener
{

namespace
{

using namespace std::chrono_literals;

constexpr auto leaving_time = 3s; // for the client to take the last reply through a tunnel
constexpr auto most_turned_away = 32;

// Not all that the library may answer is a refusal: it would redirect a target with blanks. An encoding that
// it does not know is a flaw to some of its versions and a gap of its own to others.
int status_of_refusal(unsigned status)
{
    if (status == MHD_HTTP_NOT_IMPLEMENTED)
        return 400;
    return status >= 400 && status < 600 ? static_cast<int>(status) : 400;
}

// The client has not closed his end.
bool is_there(int file)
{
    char next;
    const ssize_t size = recv(file, &next, 1, MSG_PEEK | MSG_DONTWAIT);
    return size > 0 || (size < 0 && errno == EAGAIN);
}

// Anything but the end itself has come from the client.
bool has_spoken(int file)
{
    tcp_info info{};
    socklen_t size = sizeof info;
    return getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_bytes_received > 1;
}

void write_whole(int file, const std::string &text)
{
    const ssize_t sent = send(file, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    static_cast<void>(sent); // who does not read it is left all the same
}

} // namespace

// Called before the library makes a page of its own: "Error processing request (HTTP response code is %u
// (…", from 0.9.66 to 1.0. Its other messages concern nobody here.
void Server::on_log(void *cls, const char *format, va_list values)
try {
    const char *status = std::strchr(format, '%');
    if (status == nullptr || !std::string_view(status).starts_with("%u ("))
        return;
    Peer &peer = *static_cast<Peer *>(cls);
    peer.server->refuse(peer, status_of_refusal(va_arg(values, unsigned)));
} catch (...) { // without memory for our page the library's is sent
}

void Server::write_last(Peer &peer, const std::string &text)
{
    if (peer.tunnel) {
        peer.tunnel->last_word(text);
        peer.tunnel->pump();
    } else {
        write_whole(peer.file, text);
        shutdown(peer.file, SHUT_WR);
    }
}

void Server::refuse(Peer &peer, int status)
{
    if (peer.parted || (peer.exchange && peer.exchange->stage == Stage::answered))
        return;
    peer.parted = peer.lingers = true;
    const std::string story = peer.exchange ? peer.exchange->story : print(random_uuid());
    // The first flaw counts.
    const bool refused_before = peer.exchange && peer.exchange->refused;
    const Message message = refused_before ? *peer.exchange->refused : refusal(status, story);
    told(peer.exchange.get(), message);
    write_last(peer, last_reply(message, story));
}

// Somebody for whom there is no room. Over TLS even to be told so takes a connection: the latest are told.
void Server::turn_away(const Arrival &arrival, const Address &address)
{
    const std::string story = print(random_uuid());
    const Message message = refusal(503, story, "Слишком много соединений");
    told(nullptr, message);
    if (!tls) {
        write_whole(arrival.socket, last_reply(message, story));
        farewells.add(arrival.socket);
        return;
    }
    const auto has_no_room = [](const Peer &other) { return other.daemon == nullptr; };
    if (std::count_if(peers.begin(), peers.end(), has_no_room) >= most_turned_away)
        release(*std::find_if(peers.rbegin(), peers.rend(), has_no_room));
    std::list<Peer> visitor(1);
    Peer &peer = take_in(visitor, address);
    peer.parted = true;
    if (!make_tunnel(peer, arrival.socket)) {
        peers.erase(peer.self);
        close(arrival.socket);
        return;
    }
    write_last(peer, last_reply(message, story));
    make_due(peer);
}

// Whether the library closes a connection on which something was said that has had no reply.
bool Server::owes_reply(const Peer &peer)
{
    if (peer.parted || peer.parting)
        return false;
    const bool here = peer.tunnel ? !peer.tunnel->client_left() : is_there(peer.file);
    const auto spoke = [&peer] { return peer.tunnel ? peer.tunnel->client_spoke() : has_spoken(peer.file); };
    return peer.broken_off || here || (peer.requests == 0 && spoke());
}

// The library is about to close the connection.
void Server::part(Peer &peer)
{
    if (owes_reply(peer))
        refuse(peer, peer.owed);
    peer.deadline = Clock::now() + leaving_time;
    if (!peer.lingers || peer.tunnel)
        return;
    if (const int again = fcntl(peer.file, F_DUPFD_CLOEXEC, 0); again >= 0)
        farewells.add(again);
}

// A connection whose time is over: the library is made to close it, or has.
void Server::cut(Peer &peer)
{
    if (peer.file < 0)
        return release(peer);
    const bool begun = peer.exchange != nullptr || peer.requests == 0;
    if (begun)
        refuse(peer, 408);
    peer.parted = true;
    shutdown(peer.file, SHUT_RDWR);
    peer.deadline = Clock::time_point::max();
}

} // namespace listener
