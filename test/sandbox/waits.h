/*
 * Connections that wait: they are suspended in libmicrohttpd and resumed when their time has come.
 *
 * Promises: a waiting connection costs no thread and blocks no other one; long waits end early when the
 * peer goes away; stop() resumes everything at once.
 */
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <microhttpd.h>
#include <mutex>
#include <thread>

namespace sandbox
{

class Waits
{
public:
    Waits() : thread_([this] { run(); }) {}
    Waits(const Waits &) = delete;
    Waits &operator=(const Waits &) = delete;
    ~Waits();

    /* Suspends the connection for `ms`. False, and nothing done, once stop() was called. */
    bool suspend(MHD_Connection *connection, std::uint64_t ms);

    /* Resumes all; from now on nothing waits. */
    void stop();

    bool stopped();

private:
    using Clock = std::chrono::steady_clock;

    struct Waiting {
        MHD_Connection *connection;
        int socket;
    };

    void run();
    void resume_due();
    void resume_abandoned();

    std::mutex lock_;
    std::condition_variable changed_;
    std::multimap<Clock::time_point, Waiting> waiting_;
    bool stopped_ = false;
    bool leaving_ = false;
    std::thread thread_;
};

} // namespace sandbox
