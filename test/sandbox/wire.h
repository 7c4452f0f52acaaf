/*
 * The bytes of one connection below HTTP: raw output, reset, close; and threads for faults that write
 * slowly or without end.
 *
 * Promises: works for plain and TLS connections; a thread ends when its peer goes away or the server stops.
 * A Wire may only be used while libmicrohttpd does not touch the connection (inside the access handler, or
 * suspended).
 */
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <microhttpd.h>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>

namespace sandbox
{

class Wire
{
public:
    explicit Wire(MHD_Connection *connection, std::stop_token stop = {});

    /* Writes everything; false when the peer is gone or the server stops. */
    bool send(std::string_view bytes);

    /* Waits; false as soon as the peer is gone or the server stops. */
    bool pause(std::uint64_t ms);

    /* Sends RST: the peer sees "connection reset". */
    void reset();

    /* Sends FIN: the peer sees the end of the connection. */
    void close();

    int socket() const { return socket_; }

private:
    bool wait(short events, std::uint64_t ms);
    long send_some(std::string_view bytes);

    int socket_;
    void *tls_; // gnutls_session_t, null for a plain connection
    std::stop_token stop_;
};

/* Runs jobs on suspended connections in threads of their own. */
class WireThreads
{
public:
    /* Suspends the connection and starts the job, which has to resume it. False once stop() was called. */
    bool start(MHD_Connection *connection, std::function<void(std::stop_token)> job);

    /* Ends and joins all jobs; from now on none starts. */
    void stop();

private:
    struct Job {
        std::jthread thread;
        bool done = false;
    };

    std::mutex lock_;
    std::list<Job> jobs_;
    bool stopped_ = false;
};

/* True when the peer of this socket has closed its side or the connection is broken. */
bool peer_gone(int socket);

} // namespace sandbox
