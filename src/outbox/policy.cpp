// See policy.hpp. The order of the questions: did anything leave, did a complete reply arrive, what does it
// say.
#include "outbox/policy.hpp"

#include "reply/status.hpp"

#include <algorithm>

namespace outbox
{

namespace
{

constexpr std::chrono::milliseconds backoff_base{1000};
constexpr std::chrono::milliseconds backoff_cap{600'000};
constexpr std::chrono::seconds longest_pause{3600};

bool before_the_request(http::Failure failure)
{
    return failure == http::Failure::resolve || failure == http::Failure::connect ||
           failure == http::Failure::tls;
}

Decision without_reply(Delivery delivery, const http::Response &response)
{
    Decision decision;
    decision.text = response.error;
    switch (response.failure) {
    case http::Failure::bad_request:
        decision.verdict = Verdict::failed;
        return decision;
    case http::Failure::certificate:
    case http::Failure::forbidden_address:
        decision.verdict = Verdict::stop;
        decision.outage = true;
        return decision;
    default:
        break;
    }
    const bool may_be_processed = response.sent && !before_the_request(response.failure);
    decision.unreachable = before_the_request(response.failure);
    decision.outage = decision.unreachable;
    decision.verdict =
        may_be_processed && delivery == Delivery::at_most_once ? Verdict::uncertain : Verdict::again;
    // A reply above the limit will be above it the next time too.
    if (response.failure == http::Failure::too_large && delivery == Delivery::at_least_once)
        decision.verdict = Verdict::failed;
    return decision;
}

Verdict of_reply(Delivery delivery, const http::Response &response, const reply::Reply &reply, bool worked)
{
    const bool once = delivery == Delivery::at_most_once;
    switch (reply.verdict) {
    case reply::Verdict::ok:
        return Verdict::ok;
    case reply::Verdict::refused:
        return Verdict::refused;
    case reply::Verdict::retry:
        return Verdict::again;
    case reply::Verdict::stop:
        return Verdict::stop;
    case reply::Verdict::rejected:
        return !worked && (response.status == 404 || response.status == 405) ? Verdict::stop
                                                                             : Verdict::failed;
    case reply::Verdict::unclear:
        break;
    }
    return once ? Verdict::uncertain : Verdict::again;
}

} // namespace

Decision decide(Delivery delivery, const http::Response &response, const reply::Reply &reply, bool worked)
{
    if (response.failure != http::Failure::none)
        return without_reply(delivery, response);
    Decision decision;
    decision.verdict = of_reply(delivery, response, reply, worked);
    decision.code = reply.code;
    decision.text = reply.text;
    const bool gateway = response.status >= 502 && response.status <= 504;
    decision.outage = decision.verdict == Verdict::stop ||
                      (decision.verdict == Verdict::again && (gateway || response.status == 429));
    if (response.retry_after && (response.status == 429 || response.status == 503))
        decision.pause = std::clamp(*response.retry_after, std::chrono::seconds{1}, longest_pause);
    return decision;
}

std::chrono::milliseconds backoff(int attempt, double dice)
{
    const int doublings = std::clamp(attempt, 0, 20);
    const auto ceiling = std::min(backoff_cap, backoff_base * (1 << doublings));
    return std::chrono::milliseconds{static_cast<long>(static_cast<double>(ceiling.count()) * dice)};
}

} // namespace outbox
