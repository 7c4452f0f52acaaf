// See batch.hpp.
#include "listener/batch.hpp"

#include "listener/files.hpp"
#include "listener/inbox.hpp"

#include <algorithm>

namespace listener
{

namespace
{

constexpr size_t largest_shared = 1048576; // bytes of a body
constexpr int runs_alone = 3;

Answer serve(const Exchange &exchange)
{
    switch (exchange.route) {
    case Route::file:
        return send_file(exchange);
    case Route::upload:
        return take_upload(exchange);
    default:
        return run_service(exchange);
    }
}

// One transaction over the requests; `answers` holds only when nothing is returned.
std::optional<pg::CaughtError> attempt(const std::vector<Exchange *> &exchanges, std::vector<Answer> &answers,
                                       bool last)
{
    answers.assign(exchanges.size(), {});
    return pg::transaction({"serving requests"}, [&] {
        std::vector<const Exchange *> archived;
        std::vector<const Answer *> told;
        for (size_t i = 0; i < exchanges.size(); ++i) {
            answers[i] = serve(*exchanges[i]);
            if ((answers[i].again && !last) || exchanges[i]->route == Route::file)
                continue;
            archived.push_back(exchanges[i]);
            told.push_back(&answers[i]);
        }
        if (!archived.empty())
            archive(archived, told);
    });
}

Message run_alone(Exchange *exchange)
{
    std::vector<Answer> answers;
    std::optional<pg::CaughtError> error;
    for (int run = 1; run <= runs_alone; ++run) {
        error = attempt({exchange}, answers, run == runs_alone);
        if (!error && (!answers[0].again || run == runs_alone))
            return answers[0].message;
        if (error && !lost_race(*error))
            break;
    }
    Answer answer = failed(*exchange, *error, true);
    answer.readable = answers[0].readable;
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

std::vector<Message> run_batch(const std::vector<Exchange *> &exchanges)
{
    std::vector<Message> messages;
    std::vector<Answer> answers;
    std::optional<pg::CaughtError> error;
    if (exchanges.size() > 1)
        error = attempt(exchanges, answers, false);
    for (size_t i = 0; i < exchanges.size(); ++i)
        if (exchanges.size() == 1 || error || answers[i].again)
            messages.push_back(run_alone(exchanges[i]));
        else
            messages.push_back(std::move(answers[i].message));
    return messages;
}

} // namespace listener
