// See session.hpp.
#include "session.hpp"

#include <chrono>
#include <thread>

namespace fuzz
{

namespace
{

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr long most_growth = 64L << 20; // bytes of the backend's contexts

} // namespace

Session::Session(std::string conninfo, std::vector<const char *> settings)
    : conninfo_(std::move(conninfo)), settings_(std::move(settings))
{
    connect();
}

void Session::connect()
{
    backend_.emplace(conninfo_);
    for (const char *setting : settings_)
        backend_->must(setting);
    settled_.reset();
}

void Session::reconnect()
{
    for (const auto deadline = Clock::now() + 60s;; std::this_thread::sleep_for(200ms)) {
        try {
            return connect();
        } catch (const Lost &) {
            if (Clock::now() > deadline)
                throw;
        }
    }
}

std::optional<std::string> Session::tidy(const std::vector<const char *> &tables)
{
    for (const char *table : tables)
        backend_->must((std::string("VACUUM ") + table).c_str());
    const long used =
        std::stol(backend_->must("SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts").value());
    if (!settled_)
        settled_ = used;
    if (used <= *settled_ + most_growth)
        return std::nullopt;
    return "the backend's contexts grew from " + std::to_string(*settled_) + " to " + std::to_string(used) +
           " bytes";
}

} // namespace fuzz
