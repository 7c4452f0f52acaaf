// The replies that came over a connection, taken apart, and what each of them owes its reader.
#pragma once

#include "connection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace fuzz
{

// Replies in order, without "100 Continue". One to HEAD has no body, whatever its length. Bytes that are no
// reply come as one of status 0.
std::vector<Reply> split(const std::string &stream);

// What is wrong with a reply; nothing when all is well: a status that the listener knows, a correlation, and
// of a refusal a JSON body of the length that was announced.
std::optional<std::string> flaw_of(const Reply &reply);

} // namespace fuzz
