// Requests that are ready together, run in one transaction: each in a subtransaction as its client's role,
// archived in k2bridge.inbox, one commit. Nothing is told to anybody before it. Include before pg/*.hpp.
#pragma once

#include "listener/exchange.hpp"

#include <functional>

namespace listener
{

// Whether this request may share a transaction with others.
bool shares(const Exchange &exchange);

// Runs them and tells each its reply once it is committed. One that fails harms no other: when the commit
// fails they run one by one; who loses a deadlock or serialization, or waits for a lock beside others, runs
// again, alone. Raises only what ends the process's work.
void run_batch(const std::vector<Exchange *> &exchanges,
               const std::function<void(Exchange &, const Message &)> &tell);

} // namespace listener
