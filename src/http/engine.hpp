// The transfer engine: many HTTP transfers at once in one thread, on libcurl's multi interface and one epoll
// descriptor. Used alike by the dispatcher (thousands of calls) and by a backend (one). It never blocks,
// starts no thread but libcurl's resolver, and touches nothing of PostgreSQL, so the caller waits on its
// latch:
//
//     engine.start(1, request);
//     while (!engine.finished(tag, response)) {
//         wait for the latch, engine.descriptor() or engine.timeout();     // with interrupts served
//         engine.step();
//     }
#pragma once

#include "http/core_only.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace http
{

/// Bounds on what runs at once; transfers above them wait inside the engine, in order of start() per host,
/// with their timeouts not yet running. Descriptors used: at most 2 per connection (a resolver takes a pair)
/// + 3.
struct Limits {
    std::size_t connections{64};          ///< open connections, busy or kept alive
    std::size_t connections_per_host{16}; ///< busy ones per scheme, host and port
};

class Engine
{
public:
    /// Initialises libcurl on first use, so make it in the process that uses it, after any fork. Throws
    /// std::runtime_error or std::system_error when libcurl or epoll refuses, std::invalid_argument for
    /// limits of 0.
    explicit Engine(Limits limits = {});
    /// Drops what is running; nothing is reported.
    ~Engine();
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    /// An epoll descriptor, readable when step() has something to do. Stays the same for the engine's life.
    int descriptor() const noexcept;

    /// How long one may wait for descriptor() before step() must be called; 0 = at once; empty = no limit.
    std::optional<std::chrono::milliseconds> timeout() const noexcept;

    /// Queues a transfer; the next step() begins it when there is room. `tag` must not be in use by an
    /// unfinished one (std::invalid_argument). A request that check() refuses completes at once through
    /// finished() as bad_request or forbidden_address.
    void start(std::uint64_t tag, Request request);

    /// Serves ready sockets and timers; never blocks. Throws only when the engine itself is broken (memory,
    /// epoll, libcurl's multi handle): drop it then and treat what ran as sent.
    void step();

    /// Takes one finished transfer; false when there is none.
    bool finished(std::uint64_t &tag, Response &response);

    /// Ends a transfer and forgets its tag, at once, also in the middle of name resolution. The outcome:
    /// `aborted` with a truthful `sent`, or what finished() would have given; empty for an unknown tag.
    std::optional<Response> cancel(std::uint64_t tag);

    /// Transfers started and not yet finished, waiting ones included.
    std::size_t running() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace http
