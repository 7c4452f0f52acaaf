/*
 * The two charsets of the Autoclient API: UTF-8 and windows-1251, converted by a table.
 *
 * Promises: fast enough to recode every page of a benchmark; the input of to_cp1251 is valid UTF-8.
 * Source: autoclient.md section 1.3.
 */
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandbox::autoclient
{

enum class Charset { utf8, cp1251 };

/* "utf8", "utf-8", "cp1251" or "windows-1251", in any case; nothing for another name. */
std::optional<Charset> charset_named(std::string_view name);

/* A character that windows-1251 lacks becomes '?'. */
std::string to_cp1251(std::string_view utf8);

/* Bytes in that charset as UTF-8; nothing when they are not in it: windows-1251 leaves 0x98 undefined. */
std::optional<std::string> decoded(Charset charset, std::string_view bytes);

} // namespace sandbox::autoclient
