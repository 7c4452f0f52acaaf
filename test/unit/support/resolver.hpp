// Name resolution under the tests' control: this binary's getaddrinfo, which libcurl's resolver thread calls
// too, answers names that end in .test by a table and passes the rest on. The name slow.test blocks until
// released.
#pragma once

#include <string>
#include <vector>

namespace test::resolver
{

/// Numeric addresses a name resolves to from now on.
void answer(const std::string &name, std::vector<std::string> addresses);

/// Waits until a thread is blocked in slow.test; false after 30 s.
bool wait_until_blocked();

/// How many threads are blocked in slow.test.
int blocked();

/// Lets blocked lookups fail, and waits until their threads have left.
void release();

/// Whether the last lookup by name ran with all blockable signals blocked.
bool signals_were_blocked();

} // namespace test::resolver
