// Changes anywhere in a JSON tree, for replies whose shape the fuzzer need not know: values replaced or
// spelled otherwise, members lost, repeated or renamed, elements doubled, moved or gone, deep nests.
// Everything follows from the seed.
#pragma once

#include "json.hpp"
#include "random.hpp"

#include <string>

namespace fuzz
{

// A reply made from a sample; now and then with bytes that are no JSON.
std::string changed(Random &random, Json sample);

} // namespace fuzz
