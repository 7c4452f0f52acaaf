// See settle.hpp.
#include "outbox/settle.hpp"

#include "outbox/handler.hpp"
#include "outbox/queue.hpp"

#include "pg/transaction.hpp"

#include <deque>

namespace outbox
{

namespace
{

using Lower = std::function<int64(const std::string &, int64)>;

constexpr TimestampTz lock_pause = USECS_PER_SEC;

// Errors that pass by themselves: locks, deadlocks, serialization, cancels, resources.
bool transient(int sqlstate)
{
    const int sql_class = ERRCODE_TO_CATEGORY(sqlstate);
    return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE || sqlstate == ERRCODE_QUERY_CANCELED ||
           sql_class == ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE) ||
           sql_class == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES);
}

// The row after its handler failed: the reply is kept, nothing is sent again.
Result answered(const Result &result, const pg::CaughtError &error)
{
    Result held = result;
    held.outcome.reset();
    held.state = "answered";
    if (result.outcome == Outcome::refused && held.code.empty())
        held.code = "?";
    held.text = error.message + (error.detail.empty() ? "" : " (" + error.detail + ")");
    const auto delay =
        std::chrono::duration_cast<std::chrono::microseconds>(backoff(result.job.attempts + 2, 1.0));
    held.due_at = transient(error.sqlstate) ? GetCurrentTimestamp() + delay.count() : DT_NOEND;
    return held;
}

// A result that the database refuses to store at all is kept as far as it can be.
Result unstorable(const Result &result, const pg::CaughtError &error)
{
    Result bare = result;
    bare.outcome.reset();
    bare.reply.reset();
    bare.content.reset();
    bare.content_type.clear();
    bare.file_name.clear();
    bare.code.clear();
    bare.handle = false;
    bare.state = result.job.endpoint && result.job.endpoint->at_most_once ? "uncertain" : "failed";
    bare.text = "the reply could not be stored: " + error.message;
    return bare;
}

std::vector<int64> ids_of(const std::vector<const Result *> &results)
{
    std::vector<int64> ids;
    for (const Result *result : results) {
        ids.push_back(result->job.id);
        ids.insert(ids.end(), result->job.riders.begin(), result->job.riders.end());
    }
    return ids;
}

// One transaction over `results`; fills `done` only when it committed.
class Batch
{
public:
    Batch(const std::vector<const Result *> &all, const Lower &lowest) : results(all), lower(lowest) {}

    std::optional<pg::CaughtError> run(Settlement &done)
    {
        auto error = pg::transaction({"settling calls"}, [this] { write(); });
        if (!error) {
            done.settled.insert(done.settled.end(), settled.begin(), settled.end());
            done.waiting.insert(done.waiting.end(), std::make_move_iterator(waiting.begin()),
                                std::make_move_iterator(waiting.end()));
            done.freed.insert(done.freed.end(), freed.begin(), freed.end());
        }
        return error;
    }

private:
    void write()
    {
        queue::plan_by_index(true);
        const auto locked = queue::lock(ids_of(results));
        for (const Result *result : results)
            if (locked.count(result->job.id) != 0)
                sort(*result);
            else
                wait(*result);
        if (!finished.empty())
            queue::finish(finished);
        if (!kept.empty())
            queue::keep(kept);
        freed = queue::unpark(free_subjects);
    }

    void sort(const Result &result)
    {
        const Result *final_result = &result;
        if (result.outcome && result.handle && result.job.endpoint && !result.job.endpoint->handler.empty()) {
            const auto error = pg::subtransaction(pg::Constraints::at_end, [&result] {
                queue::plan_by_index(false);
                run_handler(result);
            });
            if (error)
                final_result = &answered_results.emplace_back(answered(result, *error));
        }
        const bool gone = final_result->outcome.has_value();
        (gone ? finished : kept).push_back(final_result);
        const Job &job = result.job;
        if (job.subject && (gone || final_result->state == "answered"))
            // A person may end a row that was never its subject's head: then earlier ones still wait.
            free_subjects.emplace_back(*job.subject, result.grants_wish ? 0 : lower(*job.subject, job.id));
        settled.push_back({job.id, job.subject, gone, !gone && final_result->state == "queued"});
    }

    void wait(const Result &result)
    {
        waiting.push_back(result);
        waiting.back().not_before = GetCurrentTimestamp() + lock_pause;
    }

    const std::vector<const Result *> &results;
    const Lower &lower;
    std::deque<Result> answered_results;
    std::vector<const Result *> finished, kept;
    std::vector<std::pair<std::string, int64>> free_subjects;
    std::vector<Settled> settled;
    std::vector<Result> waiting;
    std::vector<std::pair<std::string, int64>> freed;
};

void settle_one(const Result &result, const Lower &lower, Settlement &done)
{
    const auto error = Batch({&result}, lower).run(done);
    if (!error)
        return;
    if (result.outcome) {
        const Result held = answered(result, *error);
        if (!Batch({&held}, lower).run(done))
            return;
    }
    const Result bare = unstorable(result, *error);
    if (!Batch({&bare}, lower).run(done))
        return;
    pg::log_error(LOG, *error);
    done.waiting.push_back(result);
    done.waiting.back().not_before = GetCurrentTimestamp() + lock_pause;
}

} // namespace

Settlement settle(std::vector<Result> results, const Lower &lower)
{
    Settlement done;
    std::vector<const Result *> all;
    for (const Result &result : results)
        all.push_back(&result);
    if (all.size() > 1 && !Batch(all, lower).run(done))
        return done;
    for (const Result *result : all)
        settle_one(*result, lower, done);
    return done;
}

} // namespace outbox
