/*
 * The bank as a whole, without HTTP: services, faults, record, journal and the control API, under one lock.
 *
 * Promises: arrived() is called once per complete request, answer() at most once after it, finished() last;
 * all functions may be called from several threads.
 */
#pragma once

#include "abs/abs.h"
#include "autoclient/autoclient.h"
#include "faults.h"
#include "journal.h"
#include "record.h"
#include "router.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sandbox
{

struct BankOptions {
    bool detail = true; // keep a log entry per request
    std::size_t log_limit = 100000;
    std::uint64_t seed = 1;
    std::string journal;
    std::vector<Credential> credentials;
};

/* What was decided about one request. */
struct Plan {
    std::uint64_t seq = 0;
    std::uint64_t era = 0; // resets before the request came; one that waits over a reset is forgotten
    FaultRule fault;
    std::optional<Reply> reply; // set once a service has seen the request
    Reply stand_in;             // what goes out when none has, or instead of its reply under a refusal

    const Reply &usual() const { return reply && fault.kind != FaultKind::refusal ? *reply : stand_in; }
};

class Bank
{
public:
    explicit Bank(BankOptions options);

    /* Records the request, picks its fault and, unless the fault says otherwise, processes it. */
    Plan arrived(const Request &request);

    /* Processes the request if its fault had this wait for the answer. */
    void answer(Plan &plan, const Request &request);

    /* `status` is the HTTP status that goes out, 0 for none. */
    void finished(const Plan &plan, const Request &request, int status);

    /* Requests under /_/; never recorded, never under faults. */
    Reply control(const Request &request);

    /* The counter of POST /bench/echo; returns how many came before. */
    std::uint64_t echoed() { return echoes_.fetch_add(1, std::memory_order_relaxed); }

private:
    void process(Plan &plan, const Request &request);
    void restore(const JournalLine &line);
    Reply dispatch_control(const Request &request);
    Reply log_reply(const Request &request) const;
    Reply count_reply(const Request &request) const;
    void load_credentials(const Value &list);
    void reset();

    const BankOptions options_;
    std::mutex lock_;
    abs::Abs abs_;
    autoclient::Autoclient autoclient_;
    Router router_;
    Faults faults_;
    Record record_;
    Journal journal_;
    std::uint64_t era_ = 0;
    std::atomic<std::uint64_t> echoes_{0};
};

} // namespace sandbox
