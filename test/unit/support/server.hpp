// A raw HTTP server for tests: every accepted connection runs a script in a thread of its own, which may
// answer, drip, lie, reset or keep silent. Counts connections and keeps what it received. TLS when given a
// certificate.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace test
{

class Server;

/// One accepted connection, as a script sees it.
class Connection
{
public:
    Connection(int fd, SSL *ssl) : fd_(fd), ssl_(ssl) {}

    /// Reads the next request (header and Content-Length body) into `head` and `body`; false at the end.
    bool request();
    /// Reads and drops until the client closes.
    void drain();
    /// Writes everything; false when the client is gone.
    bool write(std::string_view bytes);
    /// Closes with RST instead of FIN.
    void reset();

    std::string head;
    std::string body;

private:
    friend class Server;
    long read_some(char *buffer, std::size_t size);

    int fd_;
    SSL *ssl_;
    std::string rest_;
    Server *server_{nullptr};
};

struct ServerTls {
    std::string cert_file;
    std::string key_file;
    std::string client_ca_file; ///< not empty: a client certificate is demanded
    int max_version{0};         ///< e.g. TLS1_2_VERSION; 0 = newest
};

class Server
{
public:
    using Script = std::function<void(Connection &)>;

    explicit Server(Script script, const std::string &address = "127.0.0.1", const ServerTls *tls = nullptr);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    int port() const { return port_; }
    std::string url(const std::string &path = "/") const;
    int connections() const { return connections_; }
    std::vector<std::string> requests() const;     ///< header + body of each, in order of arrival
    void forget_requests() { recording_ = false; } ///< from now on; for benchmarks

private:
    friend class Connection;
    void accept_all();
    void serve(int fd);
    void forget(int fd);

    Script script_;
    std::string address_;
    SSL_CTX *tls_{nullptr};
    int port_{0}; // set while listener_ is made
    int listener_{-1};
    std::atomic<int> connections_{0};
    std::atomic<bool> ending_{false};
    std::atomic<bool> recording_{true};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<int> open_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

/// "HTTP/1.1 <status> X", the given header lines (each ended by CRLF), Content-Length, body.
std::string reply(std::string_view body, int status = 200, std::string_view header_lines = "");

/// A script that answers every request of a connection with the same bytes.
Server::Script always(std::string bytes);

} // namespace test
