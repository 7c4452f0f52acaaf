// One HTTP transfer in a backend, cancellable while it waits (see request.hpp).
#include "http/engine.hpp"
#include "outbox/request.hpp"

#include "pg/wait.hpp"

extern "C" {
#include "storage/fd.h"
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
            const auto limit = running.timeout();
            pg::wait(running.descriptor(), limit ? static_cast<long>(limit->count()) : -1L);
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
