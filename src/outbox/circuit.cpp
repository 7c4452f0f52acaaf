// See circuit.hpp.
#include "outbox/circuit.hpp"

#include <algorithm>
#include <climits>
#include <cmath>

namespace outbox
{

namespace
{
using namespace std::chrono_literals;
constexpr Clock::duration first_pause = 1s, longest_pause = 60s, stopped_pause = 5min;
constexpr int patience = 5; // unanswered calls in a row that open the circuit of a reachable server
} // namespace

void Throttle::refill(Clock::time_point now, double rate)
{
    // At most one second's worth may be saved up, so that a pause is not followed by a flood.
    const double seconds = std::chrono::duration<double>(now - refilled).count();
    tokens = std::min(std::max(rate, 1.0), tokens + seconds * rate);
    refilled = now;
}

int Throttle::room(Clock::time_point now, int max_connections, double rate)
{
    int free = max_connections - under_way;
    if (rate > 0) {
        refill(now, rate);
        free = std::min(free, static_cast<int>(std::floor(tokens)));
    }
    return std::max(free, 0);
}

Clock::time_point Throttle::next_token(Clock::time_point now, double rate) const
{
    if (rate <= 0)
        return Clock::time_point::max();
    const std::chrono::duration<double> missing{std::max(0.0, 1.0 - tokens) / rate};
    return now + std::chrono::ceil<Clock::duration>(missing);
}

void Throttle::started(Clock::time_point now, double rate)
{
    ++under_way;
    if (rate > 0) {
        refill(now, rate);
        tokens -= 1;
    }
}

int Circuit::room(Clock::time_point now) const
{
    if (now < held)
        return 0;
    if (state == State::closed)
        return INT_MAX;
    return now >= until && under_way == 0 ? 1 : 0;
}

Clock::time_point Circuit::opens_at() const
{
    if (state == State::closed)
        return held;
    return under_way == 0 ? std::max(until, held) : Clock::time_point::max();
}

bool Circuit::answered()
{
    const bool changed = state != State::closed;
    state = State::closed;
    pause = {};
    unanswered_in_a_row = 0;
    why.clear();
    return changed;
}

bool Circuit::unanswered(Clock::time_point now, bool unreachable, const std::string &reason)
{
    ++unanswered_in_a_row;
    if (state == State::closed && !unreachable && unanswered_in_a_row < patience)
        return false;
    if (state == State::open && now < until)
        return false; // a call that was under way when the circuit opened
    if (state == State::stopped) {
        until = now + stopped_pause;
        return false;
    }
    const bool changed = state == State::closed || why != reason;
    pause = pause == Clock::duration{} ? first_pause : std::min(pause * 2, longest_pause);
    state = State::open;
    until = now + pause;
    why = reason;
    return changed;
}

bool Circuit::stop(Clock::time_point now, const std::string &reason)
{
    const bool changed = state != State::stopped || why != reason;
    state = State::stopped;
    until = now + stopped_pause;
    why = reason;
    return changed;
}

void Circuit::hold(Clock::time_point when)
{
    held = std::max(held, when);
}

void Circuit::renew()
{
    if (state != State::closed)
        until = {};
}

const char *Circuit::word() const
{
    switch (state) {
    case State::open:
        return "open";
    case State::stopped:
        return "stopped";
    default:
        return "closed";
    }
}

} // namespace outbox
