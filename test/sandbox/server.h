/*
 * The HTTP side of the sandbox bank on libmicrohttpd: collects requests, asks the bank, sends replies and
 * carries faults out.
 *
 * Promises: listens on loopback only; a slow or hanging answer never blocks another connection; the
 * destructor ends every connection and thread.
 */
#pragma once

#include "bank.h"
#include "waits.h"
#include "wire.h"

#include <atomic>
#include <cstdint>
#include <microhttpd.h>
#include <string>

namespace sandbox
{

struct ServerOptions {
    std::string address = "127.0.0.1"; // within 127.0.0.0/8, or ::1
    std::uint16_t port = 0;            // 0: any free one
    unsigned threads = 2;
    unsigned idle_timeout_s = 0; // closes kept-alive connections after so long, 0: never
    std::string certificate;     // PEM texts; empty: plain HTTP
    std::string key;
    std::string client_ca; // PEM; not empty: a client certificate of this CA is required
};

struct Exchange;

class Server
{
public:
    /* Starts to listen. Throws std::runtime_error or std::system_error when it cannot. */
    Server(const ServerOptions &options, Bank &bank);
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;
    ~Server();

    std::uint16_t port() const { return port_; }

private:
    static void *on_uri(void *cls, const char *uri, MHD_Connection *connection);
    static void on_connection(void *cls, MHD_Connection *connection, void **context,
                              MHD_ConnectionNotificationCode code);
    static void on_completed(void *cls, MHD_Connection *connection, void **context,
                             MHD_RequestTerminationCode code);
    static MHD_Result on_access(void *cls, MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *data, std::size_t *size, void **context);

    MHD_Result begin(Exchange &exchange, const char *url, const char *method);
    MHD_Result step(Exchange &exchange);
    MHD_Result arrived(Exchange &exchange);
    MHD_Result deliver(Exchange &exchange);
    MHD_Result echo(Exchange &exchange);
    MHD_Result on_wire(Exchange &exchange, const Reply &usual);
    MHD_Result streamed(Exchange &exchange, const Reply &usual);
    MHD_Result send(Exchange &exchange, const Reply &reply);
    MHD_Result queue(MHD_Connection *connection, int status, const Reply &reply, MHD_Response *response);
    bool client_allowed(MHD_Connection *connection) const;
    int open_socket(const ServerOptions &options);

    Bank &bank_;
    Waits waits_;
    WireThreads wire_threads_;
    MHD_Daemon *daemon_ = nullptr;
    MHD_Response *echo_response_ = nullptr;
    std::uint16_t port_ = 0;
    bool client_certificates_ = false;
    std::atomic<std::uint64_t> connections_{0};
};

} // namespace sandbox
