// From a sample payload to one that nobody has sent yet: batches of other sizes, fields of other types and
// shapes, keys missing, repeated or unknown, and now and then bytes that are no JSON at all. Everything
// follows from the seed.
#pragma once

#include "json.hpp"
#include "random.hpp"

#include <string>

namespace fuzz
{

// The text with some bytes lost, changed, repeated or made up.
std::string damage(Random &random, std::string text);

// A payload of a batch service, made from one item of its sample.
std::string batch(Random &random, const Json &item);

// A payload of a service that takes one object.
std::string single(Random &random, const Json &object);

} // namespace fuzz
