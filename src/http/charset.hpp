// Charsets of the wire: UTF-8 and windows-1251, by an own table (glibc's iconv would load
// a module at run time that minimal installations lack). Everything handed on inside
// k2bridge is UTF-8.
#pragma once

#include "http/core_only.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace http
{

/// Text for people (lower case, no full stop), naming the byte offset or the character.
struct BadText : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Strict UTF-8 (no overlong forms, no surrogates, at most U+10FFFF): offset of the first bad byte, or npos.
std::size_t invalid_utf8(std::string_view text) noexcept;

/// The charset parameter of a Content-Type value in lower case, quotes removed; empty when there is none.
std::string charset_of(std::string_view content_type);

/// The body as UTF-8, without a byte order mark. `content_type` is the whole header value. Charset utf-8:
/// must be valid; windows-1251 (cp1251, win-1251): converted; absent: valid UTF-8 is taken as it is, anything
/// else as windows-1251 (wire/autoclient.md 1: no charset means cp1251). Another charset is accepted only for
/// a body of plain ASCII. Throws BadText.
std::string to_utf8(std::string_view body, std::string_view content_type);

/// The first character that windows-1251 lacks, or the first byte that is no UTF-8; empty when all can be
/// written.
std::string_view missing_in_1251(std::string_view text) noexcept;

/// UTF-8 to windows-1251. Throws BadText naming the first character that does not fit and its position.
std::string from_utf8(std::string_view text);

/// Anything to a printable line: valid UTF-8 stays, other bytes are read as windows-1251, control characters
/// become blanks; cut at `limit` bytes on a character's edge with "..." appended.
std::string printable(std::string_view text, std::size_t limit = 200);

} // namespace http
