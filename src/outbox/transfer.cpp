// One HTTP transfer in a backend, cancellable while it waits (see request.hpp).
#include "http/engine.hpp"
#include "outbox/request.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "storage/fd.h"
#include "utils/wait_event.h"
}

namespace outbox
{

namespace
{

constexpr int connections = 4;
constexpr int descriptors = 2 * connections + 3; // at most, by http/engine.hpp

http::Engine *engine; // of this process; keeps connections alive between calls, never freed at exit
uint64 last_tag;

http::Engine &own_engine()
{
    if (engine == nullptr) {
        engine = new http::Engine({connections, connections});
        for (int i = 0; i < descriptors; ++i)
            ReserveExternalFD();
    }
    return *engine;
}

// Until the engine has something to do; cancel, timeouts and termination are served here.
void wait(const http::Engine &waiting)
{
    const auto limit = waiting.timeout();
    const long timeout = limit ? static_cast<long>(limit->count()) : -1L;
    const int events = WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH | (limit ? WL_TIMEOUT : 0);
    pg::call([&] {
        WaitLatchOrSocket(MyLatch, events, waiting.descriptor(), timeout, PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    });
}

} // namespace

http::Response transfer(http::Request request)
{
    http::Engine &running = own_engine();
    const uint64 tag = ++last_tag;
    running.start(tag, std::move(request));
    http::Response response;
    std::uint64_t finished;
    try {
        while (!running.finished(finished, response)) {
            wait(running);
            running.step();
        }
    } catch (const pg::ErrorInFlight &) {
        running.cancel(tag);
        throw;
    } catch (const std::exception &) {
        delete std::exchange(engine, nullptr); // a broken engine is dropped, its connections with it
        for (int i = 0; i < descriptors; ++i)
            ReleaseExternalFD();
        throw;
    }
    return response;
}

} // namespace outbox
