// See counting.hpp.
#include "listener/counting.hpp"

#include "pg/counters.hpp"

namespace listener
{

namespace
{

using pg::counters::Kind;

struct Bucket {
    std::int64_t most; // µs
    const char *bound; // the same in seconds, as Prometheus writes it
};
constexpr Bucket buckets[] = {{1000, "0.001"},  {2500, "0.0025"},   {5000, "0.005"},  {10000, "0.01"},
                              {25000, "0.025"}, {50000, "0.05"},    {100000, "0.1"},  {250000, "0.25"},
                              {500000, "0.5"},  {1000000, "1"},     {2500000, "2.5"}, {5000000, "5"},
                              {10000000, "10"}, {INT64_MAX, "+Inf"}};

const char *bucket_of(std::int64_t microseconds)
{
    for (const Bucket &bucket : buckets)
        if (microseconds <= bucket.most)
            return bucket.bound;
    return "+Inf";
}

// Only names that the database or this program knows: a caller must not be able to invent counters.
const char *name_of(const Exchange *exchange)
{
    if (exchange == nullptr || exchange->route == Route::unknown ||
        (exchange->route == Route::service && !exchange->service))
        return "(none)";
    return exchange->service ? exchange->service->name.c_str() : exchange->path.c_str();
}

const char *class_of(const Message &message)
{
    if (message.status >= 500)
        return "failed";
    return message.status >= 400 || (!message.code.empty() && message.code != "0") ? "refused" : "ok";
}

// The minute of the hour, as inbound counters are named.
const char *minute_name()
{
    static char name[8];
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    snprintf(name, sizeof name, "%d", static_cast<int>(now / 60 % 60));
    return name;
}

} // namespace

void count_reply(const Exchange *exchange, const Message &message)
{
    char status[8];
    snprintf(status, sizeof status, "%d", message.status);
    const char *name = name_of(exchange);
    const bool page = exchange && (is_page(exchange->route) || exchange->route == Route::health);
    const bool complete = exchange && exchange->complete != Clock::time_point{};
    const std::int64_t took =
        complete
            ? std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - exchange->complete).count()
            : 0;
    pg::counters::add({{Kind::request, name, status},
                       {Kind::answer, name, message.code.c_str(), message.code.empty() ? 0U : 1U},
                       {Kind::inbound, minute_name(), class_of(message), page ? 0U : 1U},
                       {Kind::duration, name, bucket_of(took), complete ? 1U : 0U},
                       {Kind::duration, name, "us", static_cast<uint64>(took)}});
}

void count_health(const Message &message, int times)
{
    char status[8];
    snprintf(status, sizeof status, "%d", message.status);
    if (times > 0)
        pg::counters::add({{Kind::request, "/healthz", status, static_cast<uint64>(times)}});
}

} // namespace listener
