// The tests' raw server; see server.hpp. One thread accepts, one serves each connection; the
// destructor shuts all sockets down and joins them, so that a script may wait for its client for
// ever.
#include "support/server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace test
{
namespace
{

SSL_CTX *make_tls(const ServerTls &settings)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    const bool good = SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) == 1 &&
                      SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
    if (!good)
        throw std::runtime_error("the test server's certificate cannot be loaded");
    if (settings.max_version != 0)
        SSL_CTX_set_max_proto_version(context, settings.max_version);
    if (!settings.client_ca_file.empty()) {
        SSL_CTX_load_verify_locations(context, settings.client_ca_file.c_str(), nullptr);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    return context;
}

int bind_to(const std::string &address, int &port)
{
    const bool v6 = address.find(':') != std::string::npos;
    const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage any{};
    socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    any.ss_family = v6 ? AF_INET6 : AF_INET;
    void *host = v6 ? static_cast<void *>(&reinterpret_cast<sockaddr_in6 *>(&any)->sin6_addr)
                    : static_cast<void *>(&reinterpret_cast<sockaddr_in *>(&any)->sin_addr);
    inet_pton(any.ss_family, address.c_str(), host);
    auto *generic = reinterpret_cast<sockaddr *>(&any);
    if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, 128) != 0)
        throw std::runtime_error("the test server cannot listen on " + address);
    getsockname(fd, generic, &size);
    port = ntohs(v6 ? reinterpret_cast<sockaddr_in6 *>(&any)->sin6_port
                    : reinterpret_cast<sockaddr_in *>(&any)->sin_port);
    return fd;
}

std::size_t content_length(const std::string &head)
{
    const auto at = head.find("Content-Length:");
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + 15));
}

} // namespace

long Connection::read_some(char *buffer, std::size_t size)
{
    if (ssl_ != nullptr)
        return SSL_read(ssl_, buffer, static_cast<int>(size));
    return recv(fd_, buffer, size, 0);
}

bool Connection::request()
{
    char buffer[65536];
    auto end = rest_.find("\r\n\r\n");
    while (end == std::string::npos) {
        const long got = read_some(buffer, sizeof buffer);
        if (got <= 0)
            return false;
        rest_.append(buffer, static_cast<std::size_t>(got));
        end = rest_.find("\r\n\r\n");
    }
    head = rest_.substr(0, end + 4);
    const std::size_t whole = end + 4 + content_length(head);
    while (rest_.size() < whole) {
        const long got = read_some(buffer, sizeof buffer);
        if (got <= 0)
            return false;
        rest_.append(buffer, static_cast<std::size_t>(got));
    }
    body = rest_.substr(end + 4, whole - end - 4);
    rest_.erase(0, whole);
    if (server_->recording_) {
        const std::lock_guard lock(server_->mutex_);
        server_->requests_.push_back(head + body);
    }
    return true;
}

void Connection::drain()
{
    char buffer[4096];
    while (read_some(buffer, sizeof buffer) > 0)
        continue;
}

bool Connection::write(std::string_view bytes)
{
    while (!bytes.empty()) {
        const long sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                          : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void Connection::reset()
{
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

Server::Server(Script script, const std::string &address, const ServerTls *tls)
    : script_(std::move(script)), address_(address), tls_(tls != nullptr ? make_tls(*tls) : nullptr),
      listener_(bind_to(address, port_)), acceptor_([this] { accept_all(); })
{
}

Server::~Server()
{
    ending_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int fd : open_)
            shutdown(fd, SHUT_RDWR);
    }
    for (std::thread &thread : threads_)
        thread.join();
    close(listener_);
    SSL_CTX_free(tls_);
}

std::string Server::url(const std::string &path) const
{
    const std::string host = address_.find(':') == std::string::npos ? address_ : "[" + address_ + "]";
    return (tls_ != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port_) + path;
}

std::vector<std::string> Server::requests() const
{
    const std::lock_guard lock(mutex_);
    return requests_;
}

void Server::accept_all()
{
    while (!ending_) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        connections_++;
        const std::lock_guard lock(mutex_);
        open_.push_back(fd);
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

void Server::serve(int fd)
{
    SSL *ssl = nullptr;
    bool ready = true;
    if (tls_ != nullptr) {
        ssl = SSL_new(tls_);
        SSL_set_fd(ssl, fd);
        ready = SSL_accept(ssl) == 1;
    }
    if (ready) {
        Connection connection(fd, ssl);
        connection.server_ = this;
        script_(connection);
    } else { // unread bytes would turn the close into a reset, which may overtake the alert
        char dropped[4096];
        shutdown(fd, SHUT_WR);
        while (recv(fd, dropped, sizeof dropped, 0) > 0)
            continue;
    }
    if (ssl != nullptr) {
        SSL_shutdown(ssl);
        SSL_free(ssl);
    }
    ERR_clear_error();
    forget(fd);
}

void Server::forget(int fd)
{
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    close(fd);
}

std::string reply(std::string_view body, int status, std::string_view header_lines)
{
    std::string out = "HTTP/1.1 " + std::to_string(status) + " X\r\n";
    out.append(header_lines);
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return out.append(body);
}

Server::Script always(std::string bytes)
{
    return [bytes = std::move(bytes)](Connection &connection) {
        while (connection.request() && connection.write(bytes))
            continue;
    };
}

} // namespace test
