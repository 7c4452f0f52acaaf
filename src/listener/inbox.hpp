// The archive of requests and the refused items that came with them. Include before pg/*.hpp.
#pragma once

#include "listener/service.hpp"

namespace listener
{

// Writes one row per answered request into k2bridge.inbox, body as received, and links k2bridge.rejected_item
// to it. Inside the transaction whose outcome the rows tell, as the owner of the tables.
void archive(const std::vector<const Exchange *> &exchanges, const std::vector<const Answer *> &answers);

} // namespace listener
