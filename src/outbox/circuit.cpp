// See circuit.hpp.
#include "outbox/circuit.hpp"

#include <algorithm>
#include <cmath>

namespace outbox
{

namespace
{
using namespace std::chrono_literals;
constexpr Circuit::Clock::duration first_pause = 1s, longest_pause = 60s, stopped_pause = 5min;
constexpr int patience = 5; // unanswered calls in a row that open the circuit of a reachable server
} // namespace

void Circuit::refill(Clock::time_point now, double rate)
{
    // At most one second's worth may be saved up, so that a pause is not followed by a flood.
    const double seconds = std::chrono::duration<double>(now - refilled).count();
    tokens = std::min(std::max(rate, 1.0), tokens + seconds * rate);
    refilled = now;
}

int Circuit::room(Clock::time_point now, int max_connections, double rate)
{
    if (now < held)
        return 0;
    if (state != State::closed)
        return now >= until && under_way == 0 ? 1 : 0;
    int free = max_connections - under_way;
    if (rate > 0) {
        refill(now, rate);
        free = std::min(free, static_cast<int>(std::floor(tokens)));
    }
    return std::max(free, 0);
}

Circuit::Clock::time_point Circuit::opens_at() const
{
    if (state != State::closed)
        return under_way == 0 ? std::max(until, held) : Clock::time_point::max();
    return held;
}

void Circuit::started(Clock::time_point now, double rate)
{
    ++under_way;
    if (rate > 0) {
        refill(now, rate);
        tokens -= 1;
    }
}

void Circuit::finished() { --under_way; }

bool Circuit::answered()
{
    const bool changed = state != State::closed;
    state = State::closed;
    pause = {};
    unanswered_in_a_row = 0;
    why.clear();
    return changed;
}

bool Circuit::unanswered(Clock::time_point now, bool unreachable)
{
    ++unanswered_in_a_row;
    if (state == State::closed && !unreachable && unanswered_in_a_row < patience)
        return false;
    if (state == State::open && now < until)
        return false; // a call that was under way when the circuit opened
    const bool changed = state == State::closed;
    pause = pause == Clock::duration{} ? first_pause : std::min(pause * 2, longest_pause);
    state = state == State::stopped ? State::stopped : State::open;
    until = now + (state == State::stopped ? stopped_pause : pause);
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

void Circuit::hold(Clock::time_point when) { held = std::max(held, when); }

void Circuit::renew()
{
    if (state != State::closed)
        until = {};
}

} // namespace outbox
