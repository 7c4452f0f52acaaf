/*
 * Replies whose body is made while it is sent: cut short, huge, endless.
 *
 * Promises: constant memory whatever the size; an endless body pauses without blocking other connections
 * and ends when the peer goes away or the server stops.
 */
#pragma once

#include "faults.h"
#include "message.h"
#include "waits.h"

#include <microhttpd.h>

namespace sandbox
{

/* A response for FaultKind::truncate, huge or endless_body; the caller queues and destroys it. */
MHD_Response *stream_response(const FaultRule &rule, const Reply &usual, MHD_Connection *connection,
                              Waits &waits);

} // namespace sandbox
