// See job.hpp.
#include "outbox/job.hpp"

namespace outbox
{

namespace
{

TimestampTz later(TimestampTz now, std::chrono::milliseconds delay)
{
    return now + std::chrono::duration_cast<std::chrono::microseconds>(delay).count();
}

bool given_up(const Job &job, TimestampTz now)
{
    const auto &limit = job.endpoint->give_up_after;
    return limit &&
           now - job.created_at > std::chrono::duration_cast<std::chrono::microseconds>(*limit).count();
}

void stays(Result &result, const char *state, TimestampTz due_at)
{
    result.state = state;
    result.due_at = due_at;
    result.handle = false;
}

} // namespace

const char *word(Outcome outcome)
{
    switch (outcome) {
    case Outcome::ok:
        return "ok";
    case Outcome::refused:
        return "refused";
    case Outcome::failed:
        return "failed";
    case Outcome::cancelled:
        return "cancelled";
    case Outcome::skipped:
        return "skipped";
    case Outcome::recorded:
        return "recorded";
    }
    return "failed";
}

Result conclude(Job job, http::Response response, reply::Reply reply, const Decision &decision,
                TimestampTz now, double dice)
{
    Result result;
    result.job = std::move(job);
    result.http_status = response.status;
    result.duration = response.duration.count();
    result.code = decision.code;
    result.text = decision.text;
    if (!reply.json.empty())
        result.reply = std::move(reply.json);
    if (!reply.mime.empty()) {
        result.content = std::move(response.body);
        result.content_type = reply.mime;
        result.file_name = response.file_name;
    }
    result.counted = decision.outage ? 0 : 1;
    switch (decision.verdict) {
    case Verdict::ok:
        result.outcome = Outcome::ok;
        result.code.clear();
        result.text.clear();
        break;
    case Verdict::refused:
        result.outcome = Outcome::refused;
        break;
    case Verdict::failed:
        stays(result, "failed", now);
        break;
    case Verdict::uncertain:
        stays(result, "uncertain", now);
        break;
    case Verdict::stop:
        stays(result, "queued", now);
        break;
    case Verdict::again:
        if (!result.job.endpoint->at_most_once && given_up(result.job, now))
            stays(result, "failed", now);
        else
            stays(result, "queued", decision.outage ? now : later(now, backoff(result.job.attempts, dice)));
        if (decision.pause.count() > 0)
            result.due_at = std::max(result.due_at, later(now, decision.pause));
        break;
    }
    return result;
}

} // namespace outbox
