// Changes anywhere in a JSON tree, for replies whose shape the fuzzer need not know: values replaced or
// spelled otherwise, members lost, repeated or renamed, elements doubled, moved or gone, deep nests.
// Everything follows from the seed.
#pragma once

#include "json.hpp"
#include "random.hpp"

#include <string>

namespace fuzz
{

// A reply made from a sample; one in `damaged` has bytes changed besides.
std::string changed(Random &random, Json sample, std::size_t damaged);

} // namespace fuzz
