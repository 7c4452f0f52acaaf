/*
 * Days and amounts of the Autoclient half, as whole numbers, with the written forms of the wire.
 *
 * Promises: no time zone, no locale, no binary floating point; a text that is no day or no amount is
 * never taken for one. Source: autoclient.md section 1.6.
 */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::autoclient
{

/* A calendar day, counted from 1970-01-01. */
using Day = std::int32_t;

/* Money in the hundredth part of its currency. */
using Amount = std::int64_t;

/* DD.MM.YYYY of replies and payments, DD-MM-YYYY of statement requests, YYYY-MM-DD of edoc and acquiring. */
enum class DayForm { dotted, hyphened, iso };

/* The day that stands in exactly this form; nothing when it is no day of the calendar. */
std::optional<Day> read_day(std::string_view text, DayForm form);

void append_day(std::string &out, Day day, DayForm form);
std::string day_text(Day day, DayForm form);

/* DDMMYYYY, as in the ids of final rows. */
std::string packed_day(Day day);

/* True on the last Sunday of March, when Kyiv has no times from 03:00 to 03:59. */
bool clock_goes_forward(Day day);

/* "H:MM" or "HH:MM[:SS]" in seconds of the day. */
std::optional<int> read_time(std::string_view text);

/* HH:MM:SS. */
std::string time_text(int seconds);

/* Two decimals and a dot: 12345 is "123.45". */
void append_amount(std::string &out, Amount amount);
std::string amount_text(Amount amount);

/* A plain decimal, not negative, at most two decimals and 15 digits before the dot. */
std::optional<Amount> read_amount(std::string_view text);

/* `amount` at a rate in ten-thousandths, rounded half away from zero. */
Amount at_rate(Amount amount, std::int64_t rate);

} // namespace sandbox::autoclient
