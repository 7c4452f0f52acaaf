// What a server may take now: connections and requests per second (Throttle), and whether the address answers
// at all (Circuit).
//
// A circuit is closed -> open (1 s, doubling to 60 s) -> one probe -> closed or open again. A stopped one
// (credentials, certificate, mistyped address) is probed every 5 minutes, and at once when an option or
// secret changes.
#pragma once

#include <chrono>
#include <string>

namespace outbox
{

using Clock = std::chrono::steady_clock;

// Connections in use and the token bucket of one server.
class Throttle
{
public:
    // How many more calls may be started now. `rate` in requests per second, 0 = no limit.
    int room(Clock::time_point now, int max_connections, double rate);
    // When the next token is there; max() without a rate.
    Clock::time_point next_token(Clock::time_point now, double rate) const;
    void started(Clock::time_point now, double rate);
    void finished() { --under_way; }

private:
    void refill(Clock::time_point now, double rate);

    Clock::time_point refilled{};
    double tokens{1};
    int under_way{0};
};

class Circuit
{
public:
    // No limit while closed; one probe when its time has come; else none.
    int room(Clock::time_point now) const;
    // When room() may become positive by itself; max() when only a finished call can change it.
    Clock::time_point opens_at() const;

    void started() { ++under_way; }
    void finished() { --under_way; }

    // Results of calls. True when the state that people see has changed.
    bool answered();
    bool unanswered(Clock::time_point now, bool unreachable, const std::string &reason);
    bool stop(Clock::time_point now, const std::string &reason);
    void hold(Clock::time_point until); // the server asked for patience

    // An option or secret was changed: try again at once.
    void renew();

    bool closed() const { return state == State::closed; }
    const char *word() const;
    const std::string &reason() const { return why; }

private:
    enum class State { closed, open, stopped };

    State state{State::closed};
    Clock::time_point until{}; // open or stopped: next probe
    Clock::time_point held{};  // Retry-After
    Clock::duration pause{};
    int under_way{0};
    int unanswered_in_a_row{0};
    std::string why;
};

} // namespace outbox
