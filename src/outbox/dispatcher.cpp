// The dispatcher's turn (see dispatcher.hpp) and the entry point of its process.
#include "outbox/dispatcher.hpp"

namespace outbox
{

using namespace std::chrono_literals;

namespace
{
constexpr auto idle_turn = 1000ms; // safety net: commits that woke nobody (prepared transactions), retries
} // namespace

Dispatcher::Dispatcher() : engine({512, 512}), random(std::random_device{}()) {}

long Dispatcher::turn()
{
    if (!begun && !begin())
        return idle_turn.count();
    begun = true;
    engine.step();
    Clock::time_point now = Clock::now();
    collect(now);
    // While a commit waits for the disk the network should be busy: what can be started is started first.
    if (under_way.empty() && ready.empty())
        settle_done(now);
    write_notes();
    serve_wishes(now);
    claim(now);
    start_ready(Clock::now());
    engine.step();
    const size_t started = under_way.size();
    collect(Clock::now());
    const bool room_again = under_way.size() < started;
    settle_done(Clock::now());
    return room_again ? 0 : next_turn(Clock::now());
}

long Dispatcher::next_turn(Clock::time_point now) const
{
    auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(idle_turn);
    const auto until = [&wait, now](Clock::time_point moment) {
        if (moment < now + idle_turn)
            wait = std::min(wait, std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(moment - now)));
    };
    if (const auto timeout = engine.timeout())
        wait = std::min(wait, *timeout);
    if (!done.empty())
        until(first_done + settle_pause());
    for (const auto &[key, circuit] : circuits)
        if (circuit->opens_at() > now)
            until(circuit->opens_at());
    for (const auto &[name, gate] : gates)
        if (!gate.ready.empty() && gate.server)
            until(gate.throttle.next_token(now, gate.server->rate_limit));
    if (crowded || scanned == Clock::time_point{})
        until(now);
    if (scan_owed)
        until(scanned + scan_pause());
    if (next_due != DT_NOEND)
        until(now + std::chrono::microseconds(std::max<int64>(0, next_due - GetCurrentTimestamp())));
    return wait.count();
}

// Replies that come together share one commit, and the slower commits are the more they share.
Clock::duration Dispatcher::settle_pause() const
{
    return std::clamp<Clock::duration>(settle_cost, 2ms, 20ms);
}

Clock::duration Dispatcher::scan_pause() const
{
    return std::clamp<Clock::duration>(10 * scan_cost, 1ms, 250ms);
}

// Whatever was being read or chosen is read again from the tables.
void Dispatcher::read_anew()
{
    floor.forget();
    for (auto &[key, lane] : lanes) {
        lane->floor = {};
        lane->restart();
    }
    catalog_read = scanned = {};
}

} // namespace outbox

extern "C" PGDLLEXPORT void k2bridge_dispatcher_main(Datum argument);

void k2bridge_dispatcher_main(Datum argument)
{
    if (!pg::start_worker(pg::Worker::dispatcher, argument))
        proc_exit(0);
    pg::entry([] {
        outbox::Dispatcher dispatcher;
        pg::run_loop(dispatcher);
    });
    proc_exit(0);
}
