/*
 * Connections that wait. Contracts stand in waits.h.
 */
#include "waits.h"

#include "wire.h"

#include <algorithm>

namespace sandbox
{

namespace
{

constexpr auto look_after = std::chrono::milliseconds(100); // how often abandoned connections are looked for
constexpr auto long_wait = std::chrono::milliseconds(500);  // waits with more than this left are looked at

} // namespace

Waits::~Waits()
{
    stop();
    {
        const std::lock_guard guard(lock_);
        leaving_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool Waits::suspend(MHD_Connection *connection, std::uint64_t ms)
{
    const std::lock_guard guard(lock_);
    if (stopped_)
        return false;
    MHD_suspend_connection(connection);
    const auto until = Clock::now() + std::chrono::milliseconds(ms);
    waiting_.emplace(until, Waiting{connection, Wire(connection).socket()});
    changed_.notify_all();
    return true;
}

void Waits::stop()
{
    const std::lock_guard guard(lock_);
    stopped_ = true;
    for (const auto &[until, item] : waiting_)
        MHD_resume_connection(item.connection);
    waiting_.clear();
}

bool Waits::stopped()
{
    const std::lock_guard guard(lock_);
    return stopped_;
}

void Waits::resume_due()
{
    const auto due = waiting_.upper_bound(Clock::now());
    for (auto it = waiting_.begin(); it != due; ++it)
        MHD_resume_connection(it->second.connection);
    waiting_.erase(waiting_.begin(), due);
}

void Waits::resume_abandoned()
{
    for (auto it = waiting_.upper_bound(Clock::now() + long_wait); it != waiting_.end();) {
        if (peer_gone(it->second.socket)) {
            MHD_resume_connection(it->second.connection);
            it = waiting_.erase(it);
        } else {
            ++it;
        }
    }
}

void Waits::run()
{
    auto next_look = Clock::now() + look_after;
    std::unique_lock guard(lock_);
    while (!leaving_) {
        if (waiting_.empty()) {
            changed_.wait(guard);
        } else {
            // a copy: wait_until looks at its deadline again after stop() may have emptied the map
            const Clock::time_point deadline = std::min(waiting_.begin()->first, next_look);
            changed_.wait_until(guard, deadline);
        }
        resume_due();
        if (Clock::now() >= next_look) {
            resume_abandoned();
            next_look = Clock::now() + look_after;
        }
    }
}

} // namespace sandbox
