// See lanes.hpp.
#include "outbox/lanes.hpp"

namespace outbox
{

namespace
{
// Clocks of different processes may differ by a tick, and the wall clock may be set back a little.
constexpr TimestampTz slack = 500 * 1000;
constexpr TimestampTz mark_distance = 100 * 1000;
constexpr size_t mark_count = 600;
} // namespace

TimestampTz Floor::advance(const queue::Horizon &horizon, TimestampTz now)
{
    while (!marks.empty() && horizon.xmin >= marks.front().next) {
        settled = marks.front().at - slack;
        marks.pop_front();
    }
    if ((marks.empty() || now - marks.back().at >= mark_distance) && marks.size() < mark_count)
        marks.push_back({now, horizon.next});
    return settled;
}

void Floor::forget()
{
    marks.clear();
    settled = DT_NOBEGIN;
}

} // namespace outbox
