// What functions of the database write for people and monitoring: the status page, metrics, the description
// of the services. Include before pg/*.hpp.
#pragma once

#include "listener/service.hpp"

namespace listener
{

// Asks k2bridge.status_page, metrics or openapi, as the role of the client. Inside a transaction frame.
Answer show_page(const Exchange &exchange);

} // namespace listener
