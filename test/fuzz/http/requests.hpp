// Requests that nobody has sent yet: well-formed ones around any body, and damaged ones of every kind.
// Everything follows from the seed.
#pragma once

#include "random.hpp"

#include <string>
#include <vector>

namespace fuzz
{

// A complete and correct POST of the body.
std::string post(Random &random, const std::string &path, const std::string &token, const std::string &body);

// Bytes that look more or less like requests, in the pieces in which they are to be sent.
std::vector<std::string> rough(Random &random, const std::string &token, const std::string &body);

} // namespace fuzz
