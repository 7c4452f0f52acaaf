// See batch.hpp.
#include "listener/batch.hpp"

#include "listener/files.hpp"
#include "listener/inbox.hpp"
#include "listener/pages.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/guc.h"
}

namespace listener
{

namespace
{

constexpr size_t largest_shared = 1048576; // bytes of a body
constexpr int runs_alone = 3;
constexpr const char *shared_lock_timeout = "20ms";

Answer serve(const Exchange &exchange)
{
    switch (exchange.route) {
    case Route::file:
        return send_file(exchange);
    case Route::upload:
        return take_upload(exchange);
    case Route::status:
    case Route::metrics:
    case Route::openapi:
        return show_page(exchange);
    default:
        return run_service(exchange);
    }
}

// What only reads leaves no trace.
bool is_archived(const Exchange &exchange)
{
    return exchange.route == Route::service || exchange.route == Route::upload;
}

// Two batches that take rows in different orders would wait for each other until one gives up: beside others
// nobody waits long.
void hurry()
{
    pg::call([] {
        set_config_option("lock_timeout", shared_lock_timeout, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                          true, 0, false);
    });
}

// A reply that says yes, or a reading one.
bool is_success(const Answer &answer)
{
    return answer.status == 200 && !answer.rejects && answer.succeeded;
}

// One transaction over the requests; `answers` holds only when nothing is returned.
std::optional<pg::CaughtError> attempt(const std::vector<Exchange *> &exchanges, std::vector<Answer> &answers,
                                       bool last)
{
    answers.assign(exchanges.size(), {});
    return pg::transaction({"serving requests"}, [&] {
        std::vector<const Exchange *> archived;
        std::vector<const Answer *> told;
        const bool shared = exchanges.size() > 1;
        bool plain = true;
        if (shared)
            hurry();
        for (size_t i = 0; i < exchanges.size(); ++i) {
            answers[i] = serve(*exchanges[i]);
            answers[i].again = answers[i].again || (shared && answers[i].waited);
            if ((answers[i].again && !last) || !is_archived(*exchanges[i]))
                continue;
            plain = plain && is_success(answers[i]);
            archived.push_back(exchanges[i]);
            told.push_back(&answers[i]);
        }
        // What only asked, and got its answer, need not wait until its archive row is on disk.
        if (plain && !TransactionIdIsValid(GetTopTransactionIdIfAny()))
            pg::commit_without_waiting();
        if (!archived.empty())
            archive(archived, told);
    });
}

void complain(const Answer &answer)
{
    if (answer.trouble)
        pg::log_error(LOG, *answer.trouble);
}

Message run_alone(Exchange *exchange)
{
    std::vector<Answer> answers;
    std::optional<pg::CaughtError> error;
    for (int run = 1; run <= runs_alone; ++run) {
        error = attempt({exchange}, answers, run == runs_alone);
        if (!error && (!answers[0].again || run == runs_alone)) {
            complain(answers[0]);
            return answers[0].message;
        }
        if (error && !lost_race(*error))
            break;
    }
    Answer answer = failed(*exchange, *error, true);
    answer.readable = answers[0].readable;
    complain(answer);
    if (!is_archived(*exchange))
        return answer.message;
    const auto unarchived = pg::transaction({"archiving a request"}, [&] { archive({exchange}, {&answer}); });
    if (unarchived)
        pg::log_error(LOG, *unarchived);
    return answer.message;
}

} // namespace

bool shares(const Exchange &exchange)
{
    return exchange.route == Route::service && !exchange.service->alone &&
           exchange.body.size() <= largest_shared;
}

void run_batch(const std::vector<Exchange *> &exchanges,
               const std::function<void(Exchange &, const Message &)> &tell)
{
    std::vector<Answer> answers;
    std::optional<pg::CaughtError> error;
    std::vector<Exchange *> again;
    if (exchanges.size() > 1)
        error = attempt(exchanges, answers, false);
    for (size_t i = 0; i < exchanges.size(); ++i) {
        if (exchanges.size() == 1 || error || answers[i].again) {
            again.push_back(exchanges[i]);
            continue;
        }
        complain(answers[i]);
        tell(*exchanges[i], answers[i].message);
    }
    for (Exchange *exchange : again)
        tell(*exchange, run_alone(exchange));
}

} // namespace listener
