// Listening sockets: every address of the list, shared among the workers of one database only.
#pragma once

#include "http/core_only.hpp"

#include <string>
#include <vector>

namespace listener
{

// Opens a socket for each address that a name of the comma-separated list stands for ("*": all). Raises
// std::runtime_error naming address and port where one is taken; a name none of whose addresses exists here
// too. `alone`: the first process on this port, which makes sure that nobody outside shares it.
std::vector<int> open_sockets(const std::string &addresses, int port, bool alone);

} // namespace listener
