// The HTTP side of the listener, on libmicrohttpd: connections, limits, deadlines, replies. Plain C++.
//
// Inside the library's callbacks requests are only collected and judged by what is in memory; complete ones
// wait, suspended, in take_ready() until answer() gives them a reply. Everything runs in step(), in one
// thread.
#pragma once

#include "listener/exchange.hpp"

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

// A connection that was accepted past the library, through the listening socket of this position.
struct Arrival {
    int socket;
    size_t through;
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

    std::vector<int> sockets() const;   // the listening sockets themselves
    void adopt(const Arrival &arrival); // serves it from now on, or closes it

    // Accepts nobody any more, answers who is there and lets him go; empty() when all are gone.
    void retire(std::chrono::milliseconds patience);
    bool empty() const { return peers.empty(); }

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
    struct Peer; // a connection

    static MHD_Result on_access(void *cls, MHD_Connection *, const char *url, const char *method,
                                const char *version, const char *data, size_t *size, void **context);
    static void *on_uri(void *cls, const char *uri, MHD_Connection *connection);
    static void on_connection(void *cls, MHD_Connection *, void **context,
                              MHD_ConnectionNotificationCode code);
    static void on_completed(void *cls, MHD_Connection *, void **context, MHD_RequestTerminationCode);
    static ssize_t on_stream(void *cls, std::uint64_t at, char *to, size_t most);
    static void on_stream_end(void *cls);

    void start(int socket);
    MHD_Result begin(Exchange &exchange, const char *url, const char *method, const char *version);
    MHD_Result proceed(Exchange &exchange, Verdict verdict);
    MHD_Result collect(Exchange &exchange, const char *data, size_t size);
    MHD_Result finish(Exchange &exchange);
    std::optional<Message> flawed(Exchange &exchange, bool needs_host);
    bool certified(MHD_Connection *connection) const;
    MHD_Result queue(Exchange &exchange, const Message &message);
    MHD_Response *response_of(Exchange &exchange, const Message &message);
    void cut_late();
    void close_finished();
    void cut(Peer &peer);

    Options chosen;
    Judge judge;
    Told told;
    Limits bounds;
    int epoll = -1;
    std::vector<MHD_Daemon *> daemons;
    std::list<Peer> peers;
    std::vector<Exchange *> waiting, held;
    std::vector<std::weak_ptr<Stream>> streams;
    std::vector<int> finished; // sockets whose request has just ended
    size_t in_memory = 0;
    bool retired = false;
    Clock::time_point looked{}, asked_idle{};
};

} // namespace listener
