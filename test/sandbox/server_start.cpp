/*
 * The HTTP side of the sandbox bank: start, stop, connections, client certificates and slow writing.
 * Contracts stand in server.h and exchange.h.
 */
#include "exchange.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace sandbox
{

namespace
{

constexpr unsigned connection_limit = 8192;

[[noreturn]] void fail(const char *what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

void allow_many_files()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void bind_loopback(int file, const ServerOptions &options)
{
    sockaddr_in four{};
    sockaddr_in6 six{};
    if (inet_pton(AF_INET, options.address.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(options.port);
        if (bind(file, reinterpret_cast<sockaddr *>(&four), sizeof four) != 0)
            fail("cannot bind");
        return;
    }
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(options.port);
    six.sin6_addr = in6addr_loopback;
    if (bind(file, reinterpret_cast<sockaddr *>(&six), sizeof six) != 0)
        fail("cannot bind");
}

} // namespace

int Server::open_socket(const ServerOptions &options)
{
    if (!options.address.starts_with("127.") && options.address != "::1")
        throw std::runtime_error("only loopback addresses are allowed: " + options.address);
    const int file = socket(options.address == "::1" ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0)
        fail("cannot make a socket");
    const int on = 1;
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bind_loopback(file, options);
    if (listen(file, 4096) != 0)
        fail("cannot listen");
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (getsockname(file, reinterpret_cast<sockaddr *>(&bound), &size) != 0)
        fail("cannot read the port");
    port_ = ntohs(bound.ss_family == AF_INET ? reinterpret_cast<sockaddr_in &>(bound).sin_port
                                             : reinterpret_cast<sockaddr_in6 &>(bound).sin6_port);
    return file;
}

Server::Server(const ServerOptions &options, Bank &bank)
    : bank_(bank), client_certificates_(!options.client_ca.empty())
{
    allow_many_files();
    static const std::string success = envelope(0, "");
    echo_response_ = MHD_create_response_from_buffer(success.size(), const_cast<char *>(success.data()),
                                                     MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(echo_response_, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json; charset=utf-8");
    std::vector<MHD_OptionItem> items = {
        {MHD_OPTION_LISTEN_SOCKET, open_socket(options), nullptr},
        {MHD_OPTION_CONNECTION_LIMIT, connection_limit, nullptr},
        {MHD_OPTION_CONNECTION_TIMEOUT, static_cast<std::intptr_t>(options.idle_timeout_s), nullptr},
        {MHD_OPTION_URI_LOG_CALLBACK, reinterpret_cast<std::intptr_t>(&Server::on_uri), this},
        {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<std::intptr_t>(&Server::on_connection), this},
        {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<std::intptr_t>(&Server::on_completed), this},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (options.threads > 1)
        items.push_back({MHD_OPTION_THREAD_POOL_SIZE, static_cast<std::intptr_t>(options.threads), nullptr});
    const auto text = [&](MHD_OPTION option, const std::string &value) {
        items.push_back({option, 0, const_cast<char *>(value.c_str())});
    };
    if (!options.certificate.empty()) {
        flags |= MHD_USE_TLS;
        text(MHD_OPTION_HTTPS_MEM_CERT, options.certificate);
        text(MHD_OPTION_HTTPS_MEM_KEY, options.key);
        if (client_certificates_)
            text(MHD_OPTION_HTTPS_MEM_TRUST, options.client_ca);
    }
    items.push_back({MHD_OPTION_END, 0, nullptr});
    daemon_ = MHD_start_daemon(flags, 0, nullptr, nullptr, &Server::on_access, this, MHD_OPTION_ARRAY,
                               items.data(), MHD_OPTION_END);
    if (!daemon_) {
        MHD_destroy_response(echo_response_);
        throw std::runtime_error("cannot start the HTTP server");
    }
}

Server::~Server()
{
    const MHD_socket listening = MHD_quiesce_daemon(daemon_);
    wire_threads_.stop();
    waits_.stop();
    MHD_stop_daemon(daemon_);
    if (listening != MHD_INVALID_SOCKET)
        close(listening);
    MHD_destroy_response(echo_response_);
}

void *Server::on_uri(void *, const char *uri, MHD_Connection *connection)
{
    auto *exchange = new Exchange;
    exchange->connection = connection;
    exchange->uri = uri;
    return exchange;
}

void Server::on_connection(void *cls, MHD_Connection *, void **context, MHD_ConnectionNotificationCode code)
{
    auto &server = *static_cast<Server *>(cls);
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = new Peer{++server.connections_, 0};
    else
        delete static_cast<Peer *>(*context);
}

void Server::on_completed(void *, MHD_Connection *, void **context, MHD_RequestTerminationCode)
{
    delete static_cast<Exchange *>(*context);
    *context = nullptr;
}

bool Server::client_allowed(MHD_Connection *connection) const
{
    if (!client_certificates_)
        return true;
    const auto *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned status = 1;
    return info &&
           gnutls_certificate_verify_peers2(static_cast<gnutls_session_t>(info->tls_session), &status) == 0 &&
           status == 0;
}

MHD_Result Exchange::write_slowly(WireThreads &threads, const std::string &reply)
{
    const bool started = threads.start(connection, [this, reply](std::stop_token stop) {
        Wire wire(connection, std::move(stop));
        const FaultRule &fault = plan.fault;
        const bool endless = fault.kind == FaultKind::endless_headers;
        const std::size_t piece = std::max<std::uint64_t>(1, fault.bytes);
        bool alive = !endless || wire.send("HTTP/1.1 200 OK\r\n");
        for (std::size_t at = 0; alive && (endless || at < reply.size()); at += piece) {
            const std::string line =
                endless ? "X-Filler-" + std::to_string(at) + ": " + std::string(piece, 'x') + "\r\n"
                        : reply.substr(at, piece);
            alive = wire.send(line) && wire.pause(fault.interval_ms);
        }
        wire.close();
        MHD_resume_connection(connection);
    });
    return started ? MHD_YES : MHD_NO;
}

} // namespace sandbox
