// Values and keys that a payload may bring: numbers and dates of every shape, long and odd texts, other
// types, deep nests.
#pragma once

#include "json.hpp"
#include "random.hpp"

namespace fuzz
{

Json value(Random &random);

// A key of an object, as a literal.
std::string key(Random &random);

// One value inside so many others that the readers' recursion is felt.
Json nest(Random &random, Json inner);

} // namespace fuzz
