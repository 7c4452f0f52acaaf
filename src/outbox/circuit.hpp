// What a server may take now: connections, requests per second, and the circuit that opens when it does not answer.
//
// closed -> open (1 s, doubling to 60 s) -> one probe -> closed or open again. A stopped server (credentials,
// certificate, mistyped address) is probed every 5 minutes, and at once when an option or secret changes.
#pragma once

#include <chrono>
#include <string>

namespace outbox
{

class Circuit
{
public:
    using Clock = std::chrono::steady_clock;

    // How many more calls may be started now. `rate` in requests per second, 0 = no limit.
    int room(Clock::time_point now, int max_connections, double rate);
    // When room() may become positive by itself; max() when only a finished call can change it.
    Clock::time_point opens_at() const;

    void started(Clock::time_point now, double rate);
    void finished();

    // Results of calls. True when the state that people see has changed.
    bool answered();
    bool unanswered(Clock::time_point now, bool unreachable);
    bool stop(Clock::time_point now, const std::string &reason);
    void hold(Clock::time_point until); // the server asked for patience

    // An option or secret was changed: try again at once.
    void renew();

    bool stopped() const { return state == State::stopped; }
    bool open() const { return state == State::open; }
    const std::string &reason() const { return why; }

private:
    enum class State { closed, open, stopped };
    void refill(Clock::time_point now, double rate);

    State state{State::closed};
    Clock::time_point until{};      // open or stopped: next probe
    Clock::time_point held{};       // Retry-After
    Clock::time_point refilled{};
    Clock::duration pause{};
    double tokens{1};
    int under_way{0};
    int unanswered_in_a_row{0};
    std::string why;
};

} // namespace outbox
