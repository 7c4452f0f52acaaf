/*
 * The bank as a whole: the life of a request from arrival to answer. The control API is in control.cpp.
 */
#include "bank.h"

namespace sandbox
{

Bank::Bank(BankOptions options) : options_(std::move(options)), record_(options_.detail, options_.log_limit)
{
    abs_.add_services(router_);
    autoclient_.add_services(router_);
    faults_.seed(options_.seed);
    if (!options_.journal.empty())
        journal_.open(options_.journal, [this](const JournalLine &line) { restore(line); });
    router_.credentials(options_.credentials);
}

void Bank::restore(const JournalLine &line)
{
    if (line.request.path == "/_/reset") {
        reset();
        record_.continue_after(line.seq);
        return;
    }
    if (line.request.path.starts_with("/_/ac/")) {
        autoclient_.control(line.request);
        return;
    }
    record_.continue_after(line.seq - 1);
    Plan plan;
    plan.seq = record_.open(line.request, "", line.fault);
    router_.arrived(line.request);
    if (line.processed)
        process(plan, line.request);
    record_.finish(plan.seq, line.request.path, 0);
}

Plan Bank::arrived(const Request &request)
{
    const std::lock_guard guard(lock_);
    Plan plan;
    plan.era = era_;
    plan.fault = faults_.pick(request);
    plan.seq = record_.open(request, router_.credential_of(request), plan.fault.name);
    const bool served = plan.fault.processing != Processing::never && router_.admits(request);
    journal_.append({plan.seq, served, plan.fault.name, router_.credential_of(request), request});
    router_.arrived(request);
    if (plan.fault.kind != FaultKind::none)
        plan.stand_in =
            router_.stand_in(request, {plan.fault.kind == FaultKind::refusal, plan.fault.error_code,
                                       plan.fault.service_code, plan.fault.error_text});
    if (plan.fault.processing == Processing::at_arrival)
        process(plan, request);
    return plan;
}

void Bank::answer(Plan &plan, const Request &request)
{
    if (plan.fault.processing != Processing::at_answer)
        return;
    const std::lock_guard guard(lock_);
    if (plan.era == era_)
        process(plan, request);
    else
        plan.reply = json_reply(envelope(503, "запрос отменён сбросом"), 503);
}

void Bank::process(Plan &plan, const Request &request)
{
    bool acted = false;
    plan.reply = router_.run(request, acted);
    if (acted)
        record_.processed(plan.seq, request.path);
}

void Bank::finished(const Plan &plan, const Request &request, int status)
{
    const std::lock_guard guard(lock_);
    if (plan.era == era_)
        record_.finish(plan.seq, request.path, status);
}

} // namespace sandbox
