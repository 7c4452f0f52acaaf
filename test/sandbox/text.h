/*
 * Small text tools of the sandbox bank: checks of digits, dates and UTF-8, base64, windows-1251, a
 * stable hash.
 *
 * Promises: no global state, no locale, the same answer on every machine and in every run.
 */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox
{

/* True when `text` is exactly `length` ASCII digits (an IIN or BIN is 12 of them, k2.md D34). */
bool is_digits(std::string_view text, std::size_t length);

/* True for a date of the calendar in the form YYYY-MM-DD (k2.md section 1, dates). */
bool is_iso_date(std::string_view text);

/* True for a JSON number written as a plain decimal: no exponent, at most `decimals` digits after the point.
 */
bool is_decimal(std::string_view text, std::size_t decimals);

/* True for a JSON number written as a plain integer. */
bool is_integer(std::string_view text);

/* Length in bytes of the valid UTF-8 sequence at the start of `text`, 0 when there is none. */
std::size_t utf8_sequence(std::string_view text);
bool is_utf8(std::string_view text);

std::string to_base64(std::string_view bytes);

/* The bytes that base64 `text` stands for; nothing when it is not base64. */
std::optional<std::string> from_base64(std::string_view text);

/* UTF-8 text in windows-1251; a character the charset lacks becomes '?'. */
std::string to_windows_1251(std::string_view utf8);

std::string to_lower(std::string_view text);

/* FNV-1a with a final mix: the source of every derived value, so that data repeat between runs. */
std::uint64_t stable_hash(std::string_view text);

/* Current time in UTC as ISO 8601 with microseconds. */
std::string utc_now();

} // namespace sandbox
