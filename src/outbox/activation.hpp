// A copy of a production database must never talk to the bank: outbound calls leave this machine only where
// k2bridge.activate() was run (design section 4).
#pragma once

#include <string>

namespace outbox
{

// This machine's host name.
std::string host_name();

// Whether system identifier, database OID and host name are those that activate() recorded. Needs a
// transaction; remembered within one command, at most for a second. Reads as the owner of the tables.
bool activated();

} // namespace outbox
