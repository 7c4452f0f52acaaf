// Requests that are ready together, run in one transaction: each in a subtransaction as its client's role,
// archived in k2bridge.inbox, one commit. Nothing is told to anybody before it. Include before pg/*.hpp.
#pragma once

#include "listener/exchange.hpp"

namespace listener
{

// Whether this request may share a transaction with others.
bool shares(const Exchange &exchange);

// Runs them and returns their replies, in order. One that fails harms no other: when the commit fails they
// run one by one; who loses a deadlock or serialization runs again, alone. Raises only what ends the
// process's work.
std::vector<Message> run_batch(const std::vector<Exchange *> &exchanges);

} // namespace listener
