// Writing down what became of calls: a batch per transaction, each handler in a subtransaction, one by one
// when a batch fails as a whole, so that one bad row never holds its neighbours back.
//
// Include before pg/*.hpp.
#pragma once

#include "outbox/job.hpp"

#include <string>
#include <utility>
#include <vector>

namespace outbox
{

constexpr size_t settle_batch = 50; // results in one transaction at most (design section 4)

struct Settled {
    int64 id;
    std::optional<std::string> subject;
    bool finished; // left the outbox
    bool queued;   // stays queued, due again later
};

struct Settlement {
    std::vector<Settled> settled;
    std::vector<Result> waiting; // could not be written yet: somebody holds a lock, or the database refused
    std::vector<std::pair<std::string, int64>> freed; // subject and the row that is now its head
};

// Runs its own transactions; none may be open. `lower` gives the lowest id that may wait in a subject.
Settlement settle(std::vector<Result> results, const std::function<int64(const std::string &, int64)> &lower);

} // namespace outbox
