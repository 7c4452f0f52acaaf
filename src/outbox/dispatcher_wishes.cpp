// What people asked for (cancel, retry, resolve), answered rows whose handler may run again, verification of
// uncertain ones (see dispatcher.hpp).
#include "outbox/dispatcher.hpp"

#include "outbox/handler.hpp"

#include "pg/guard.hpp"

namespace outbox
{

namespace
{

using namespace std::chrono_literals;

constexpr auto serve_pause = 20ms;
constexpr int wishes_per_turn = 50;

Result final_result(const queue::Wish &wish, Outcome outcome)
{
    Result result = wish.stored;
    result.outcome = outcome;
    result.text = wish.note;
    result.grants_wish = true;
    if (wish.reply)
        result.reply = wish.reply;
    if (outcome == Outcome::ok)
        result.code.clear();
    return result;
}

Result queued_again(const queue::Wish &wish)
{
    Result result;
    result.job = wish.job;
    result.state = "queued";
    result.counted = -wish.job.attempts;
    result.due_at = GetCurrentTimestamp();
    result.handle = false;
    result.grants_wish = true;
    result.text = "sent again as " + wish.by + " asked";
    return result;
}

} // namespace

// Takes a call back that is claimed but has not been started. False: it is under way or being settled.
bool Dispatcher::withdraw(int64 id)
{
    if (known.count(id) == 0)
        return true;
    for (auto call = ready.begin(); call != ready.end(); ++call)
        if (call->second.job.id == id && !call->second.job.endpoint->at_most_once) {
            gates[call->second.job.server].not_ready(call->first);
            release(call->second.job);
            ready.erase(call);
            return true;
        }
    return false;
}

void Dispatcher::grant(queue::Wish &wish)
{
    if (!withdraw(wish.job.id))
        return; // asked again when it has settled
    known.insert(wish.job.id);
    if (wish.what == "cancel")
        finished(final_result(wish, Outcome::cancelled));
    else if (wish.what == "ok")
        finished(final_result(wish, Outcome::ok));
    else if (wish.what == "refused")
        finished(final_result(wish, Outcome::refused));
    else if (wish.what == "failed")
        finished(final_result(wish, Outcome::failed));
    else if (wish.state == "answered") {
        wish.stored.grants_wish = true;
        finished(std::move(wish.stored));
    } else
        finished(queued_again(wish));
}

void Dispatcher::serve_wishes(Clock::time_point now)
{
    if (now < served + serve_pause || catalog.empty())
        return;
    served = now;
    std::vector<queue::Wish> wanted, answered;
    const auto error = pg::transaction({"serving wishes"}, [&] {
        queue::plan_by_index(true);
        const TimestampTz wall = GetCurrentTimestamp();
        if (queue::asked(wall)) {
            // Whoever mends an endpoint and then retries its calls means the mended one.
            read_catalog();
            wanted = queue::wishes(wishes_per_turn, catalog);
            answered = queue::due_answered(wall, wishes_per_turn, catalog);
        }
        for (queue::Wish &uncertain : queue::due_uncertain(wall, wishes_per_turn, catalog)) {
            const bool possible = uncertain.job.endpoint && !uncertain.job.endpoint->verify.empty();
            const auto failure = pg::subtransaction(pg::Constraints::at_end, [&uncertain] {
                queue::plan_by_index(false);
                run_verify(uncertain.job);
            });
            if (failure)
                pg::log_error(LOG, *failure);
            queue::note_verification(uncertain.job.id, possible);
        }
    });
    if (error)
        throw pg::Error(error->sqlstate, error->message, error->detail, error->hint);
    for (queue::Wish &wish : wanted)
        grant(wish);
    for (queue::Wish &row : answered)
        if (known.insert(row.job.id).second)
            finished(std::move(row.stored));
}

} // namespace outbox
