// Reading the header fields that matter: Content-Disposition, Retry-After, lists of words. Tolerant
// of what banks' servers send, and safe: the results are valid UTF-8 without control characters or
// path parts.
#pragma once

#include "http/core_only.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace http
{

/// Value of one parameter of a field such as Content-Type or Content-Disposition (RFC 9110 5.6.6): name
/// without case, quoted strings unquoted; a backslash stays unless it escapes a quote or itself. Empty when
/// absent.
std::string parameter(std::string_view field, std::string_view name);

/// Whether a comma-separated field such as Connection (RFC 9110 5.6.1) lists the word, without case.
bool lists(std::string_view field, std::string_view word) noexcept;

/// The file name of a Content-Disposition value: filename* (RFC 6266, 8187; utf-8, windows-1251, iso-8859-1)
/// before filename; raw UTF-8 and windows-1251 names are read (wire/k2.md D23); only the last path part, at
/// most 255 bytes; empty when there is none or nothing usable is left.
std::string file_name(std::string_view content_disposition);

/// Retry-After as a delay: seconds, or an HTTP date relative to `date` (the reply's Date field), or to this
/// machine's clock when that is absent. A date in the past is 0; at most one year; empty when unreadable.
std::optional<std::chrono::seconds> retry_after(std::string_view value, std::string_view date);

} // namespace http
