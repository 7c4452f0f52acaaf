// The HTTP side of the listener, on libmicrohttpd: connections, limits, deadlines, replies. Plain C++.
//
// Connections are accepted here and each is served by a daemon of the library for itself (peer.hpp). Inside
// the library's callbacks requests are only collected and judged by what is in memory; complete ones wait,
// suspended, in take_ready() until answer() gives them a reply. Everything runs in step(), in one thread.
#pragma once

#include "listener/exchange.hpp"
#include "listener/farewell.hpp"
#include "listener/tunnel.hpp"

#include <cstdarg>
#include <functional>
#include <list>
#include <sys/socket.h>

namespace listener
{

struct Options {
    int port = 0;
    std::string addresses, certificate, key, client_ca; // the last three: PEM texts, empty for none
    std::vector<Network> trusted_proxies;

    bool operator==(const Options &) const;
};

struct Limits {
    size_t body = 0;                     // bytes of one request
    size_t bodies = 0;                   // bytes of all requests in memory
    std::chrono::milliseconds arrival{}; // of one request, from its first byte or the connection's start
};

// A connection that was accepted.
struct Arrival {
    int socket;
    sockaddr_storage from;
    socklen_t size;
};

// What is decided of a request once its header is in.
struct Verdict {
    std::optional<Message> refused; // absent: its body is read
    bool hold = false;              // judged again, and refused only after a while
};

// A file on its way out. `piece` is what was read last; when the library wants more, `wanted` is set, the
// connection suspended, and the next piece is put by feed().
struct Stream {
    std::int64_t file = 0;
    std::string role;                 // whose rights read it
    std::uint64_t size = 0, read = 0; // bytes of the file
    bool base64 = false;
    std::string piece;
    std::uint64_t piece_at = 0; // its position in the body
    bool wanted = false, broken = false;
    MHD_Connection *connection = nullptr;
};

class Server
{
public:
    using Judge = std::function<Verdict(Exchange &)>; // called inside the library: reads memory only
    // Called inside the library for each reply before it is sent; no exchange: no request had begun.
    using Told = std::function<void(const Exchange *, const Message &)>;

    // Takes over the listening sockets; raises std::runtime_error when they or the certificates cannot be
    // used.
    Server(Options what, const std::vector<int> &sockets, Judge judge, Told told);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    const Options &options() const { return chosen; }
    std::vector<int> listening() const; // the listening sockets once more, for a successor

    const std::vector<int> &sockets() const { return listeners; } // the listening sockets themselves
    void adopt(const Arrival &arrival);                           // serves it from now on, or refuses it

    // Accepts nobody any more, answers who is there and lets him go; empty() when all are gone.
    void retire(std::chrono::milliseconds patience);
    bool empty() const { return peers.empty() && farewells.empty(); }

    int descriptor() const { return epoll; }
    void limit(const Limits &limits) { bounds = limits; }

    void step();          // reads, writes, cuts who is late
    long timeout() const; // ms until the next step at the latest
    std::vector<Exchange *> take_ready(size_t most, const std::function<bool(const Exchange &)> &together);
    bool ready() const { return !waiting.empty(); }
    void answer(Exchange &exchange, const Message &message);

    bool holds() const { return !held.empty(); }
    void judge_held(); // those whose login failed, after what is known of logins was read again

    std::vector<std::shared_ptr<Stream>> hungry();                      // streams that want their next piece
    void feed(Stream &stream, const std::optional<std::string> &bytes); // nothing: it cannot be read any more

private:
    struct Peer; // a connection and its daemon

    static MHD_Result on_access(void *cls, MHD_Connection *, const char *url, const char *method,
                                const char *version, const char *data, size_t *size, void **context);
    static void *on_uri(void *cls, const char *uri, MHD_Connection *connection);
    static void on_connection(void *cls, MHD_Connection *, void **context,
                              MHD_ConnectionNotificationCode code);
    static void on_log(void *cls, const char *format, va_list values);
    static void on_completed(void *cls, MHD_Connection *, void **context, MHD_RequestTerminationCode);
    static ssize_t on_stream(void *cls, std::uint64_t at, char *to, size_t most);
    static void on_stream_end(void *cls);

    static Peer &peer_of(MHD_Connection *connection);

    void start();
    bool start_daemon();
    void stop_listening();
    void accept_waiting();
    bool is_full(const Address &address) const;
    bool serve(const Arrival &arrival, const Address &address);
    Peer &take_in(std::list<Peer> &from, const Address &address);
    bool make_tunnel(Peer &peer, int wire);
    void release(Peer &peer);
    void make_due(Peer &peer);
    void resume(MHD_Connection *connection);
    void run(Peer &peer);
    void cut_late();
    void cut(Peer &peer);

    void refuse(Peer &peer, int status);
    void turn_away(const Arrival &arrival, const Address &address);
    static void write_last(Peer &peer, const std::string &text);
    static bool owes_reply(const Peer &peer);
    void part(Peer &peer);

    MHD_Result take(Exchange &exchange, const char *url, const char *method, const char *version,
                    const char *data, size_t &size);
    MHD_Result begin(Exchange &exchange, const char *url, const char *method, const char *version);
    MHD_Result proceed(Exchange &exchange, Verdict verdict);
    MHD_Result collect(Exchange &exchange, const char *data, size_t size);
    MHD_Result finish(Exchange &exchange);
    std::optional<Message> flawed(Exchange &exchange, bool modern);
    MHD_Result queue(Exchange &exchange, const Message &message);
    MHD_Response *response_of(Exchange &exchange, const Message &message);

    Options chosen;
    std::unique_ptr<Tls> tls; // nothing: in the clear
    Judge judge;
    Told told;
    Limits bounds;
    std::vector<int> listeners; // sockets
    size_t room = 0;            // for connections
    int epoll = -1;
    std::list<Peer> peers, spare; // spare: daemons without a connection
    std::vector<Peer *> due;
    Farewells farewells;
    std::vector<Exchange *> waiting, held;
    std::vector<std::weak_ptr<Stream>> streams;
    size_t in_memory = 0;
    bool retired = false;
    Clock::time_point looked{}, asked{}, accept_due = Clock::time_point::max();
};

} // namespace listener
