// Running what an endpoint row names: the handler of an outcome and the verification of an uncertain call.
//
// Both run as the current user (the owner of the tables), with the role that queued the call as caller and
// its correlation. Inside a transaction; throw pg::ErrorInFlight when the function raises, pg::Error 42883
// when it does not exist. Include before pg/*.hpp.
#pragma once

#include "outbox/job.hpp"

namespace outbox
{

// Gives the result to the endpoint's handler; nothing without one. Needs result.outcome.
void run_handler(const Result &result);

// Asks the endpoint's verify function what became of the uncertain row.
void run_verify(const Job &job);

} // namespace outbox
