// What an HTTP status means for delivery, in one table (status.cpp), before the
// body is looked at. The status is only the first input: read.hpp says how the
// body overrules it.
#pragma once

#include "http/core_only.hpp"

namespace reply
{

enum class StatusClass {
    success,     ///< 2xx: the body decides
    not_taken,   ///< 429: nothing was processed, later again under every delivery policy
    credentials, ///< 401, 403, 407: stops the server, not the row
    transient,   ///< 408, 425 and 5xx: may or may not have been processed
    rejected     ///< 3xx (redirects are not followed), other 4xx: this request is not wanted as it is
};

StatusClass classify(int status);

/// Whether an at_least_once call is sent again for this status: 408, 425, 429, 500, 502, 503, 504 (design
/// section 4).
bool retryable(int status);

/// Whether the status stops the server until an option or secret changes: 401, 403, 407 (design section 4).
bool stops_server(int status);

} // namespace reply
