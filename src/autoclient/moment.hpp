// What a date with a time of a statement looks like as text. A pure function without PostgreSQL, so that it
// can be fuzzed and tested alone.
//
// Source of the forms: wire/autoclient.md section 1.6.
#pragma once

#include "k2/value_text.hpp"

#include <cstdint>

namespace autoclient
{

struct Moment {
    k2::Day day;
    std::int64_t microseconds; // since midnight, below 24 hours
};

// A date as k2::parse_day() reads it, with or without " " or "T" and HH:MM[:SS[.f]], midnight without;
// nothing for another form. A wall time: no offset from UTC is taken, because the bank's zone is agreed
// outside.
std::optional<Moment> parse_moment(std::string_view text);

} // namespace autoclient
