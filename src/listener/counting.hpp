// Counts replies for monitoring: by service and status, by business code, how long they took, inbound traffic
// by minute.
#pragma once

#include "listener/exchange.hpp"

namespace listener
{

// Counts a reply that is about to be sent. Reads memory and counts in shared memory, never raises.
void count_reply(const Exchange *exchange, const Message &message);

// Counts answers of /healthz that went past the server.
void count_health(const Message &message, int times);

} // namespace listener
