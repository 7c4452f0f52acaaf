// One request to a service inside the batch's transaction. Include before pg/*.hpp.
#pragma once

#include "listener/exchange.hpp"

#include "pg/transaction.hpp"

namespace listener
{

// What became of one request.
struct Answer {
    int status = 500;
    std::string reply;     // JSON text in UTF-8; empty: `message` says it
    bool readable = false; // the body is JSON
    bool again = false;    // lost a deadlock or serialization: worth another run
    bool waited = false;   // for a lock, in vain
    bool succeeded = true; // the reply has no error_code, or 0
    bool rejects = false;  // items of the batch were refused, they are in k2bridge.rejected_item
    Message message;
    std::optional<pg::CaughtError> trouble; // for the log, unless it runs again
};

// Calls the service's function with the body, in a subtransaction, as the role of the client.
Answer run_service(const Exchange &exchange);

// A deadlock or serialization failure: another run may succeed.
bool lost_race(const pg::CaughtError &error);

// The answer to a request whose transaction failed as a whole.
Answer failed(const Exchange &exchange, const pg::CaughtError &error, bool readable);

// Runs f as the client's role and under its story. A role that is gone or a superuser raises 42501.
void as_client(const Exchange &exchange, const std::function<void()> &f);

} // namespace listener
