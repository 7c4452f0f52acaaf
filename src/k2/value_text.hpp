// What a value of a payload may look like as text: numbers, dates, times. Pure functions without PostgreSQL,
// so that they can be fuzzed and tested alone.
//
// Sources of the rules: wire/k2.md sections 1 (dates, amounts) and 5 (D7, D22).
#pragma once

#include <optional>
#include <string_view>

namespace k2
{

struct Day {
    int year, month, day; // a day of the Gregorian calendar, years 1 to 9999
};

// [-]digits[.digits], the only form of a number that is taken from a string.
bool plain_number(std::string_view text);

// YYYY-MM-DD, YYYY.MM.DD or DD.MM.YYYY, with or without " " or "T" and HH:MM[:SS[.f]][Z|±HH[[:]MM]]; nothing
// for another form and for a day that the calendar does not have.
std::optional<Day> parse_day(std::string_view text);

} // namespace k2
