// Runs of bytes that need no second look, eight at a time: what a text spends its length on, whether it is
// checked for UTF-8, validated as JSON or walked through.
#pragma once

#include "http/core_only.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace http
{

namespace words
{

constexpr std::uint64_t each = 0x0101010101010101, tops = 0x8080808080808080;

inline std::uint64_t load(std::string_view text, std::size_t at) noexcept
{
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    return word;
}

/// The top bit of every byte of `word` below `limit` (at most 0x80); bytes behind the first of these may have
/// it too.
constexpr std::uint64_t below(std::uint64_t word, std::uint64_t limit) noexcept
{
    return (word - each * limit) & ~word & tops;
}

/// Bytes before the first one marked, in the order of the text.
constexpr std::size_t before(std::uint64_t marks) noexcept
{
    return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

constexpr bool by_eight = std::endian::native == std::endian::little;

} // namespace words

/// From `at`, the first byte outside ASCII, or the end.
inline std::size_t skip_ascii(std::string_view text, std::size_t at) noexcept
{
    using namespace words;
    for (; by_eight && text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t))
        if (const std::uint64_t marks = load(text, at) & tops; marks != 0)
            return at + before(marks);
    while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80)
        at++;
    return at;
}

/// Inside a JSON string from `at`, the first quotation mark, backslash or control character, or the end.
inline std::size_t skip_plain(std::string_view text, std::size_t at) noexcept
{
    using namespace words;
    for (; by_eight && text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
        const std::uint64_t word = load(text, at);
        const std::uint64_t marks =
            below(word, 0x20) | below(word ^ (each * '"'), 1) | below(word ^ (each * '\\'), 1);
        if (marks != 0)
            return at + before(marks);
    }
    while (at < text.size() && text[at] != '"' && text[at] != '\\' &&
           static_cast<unsigned char>(text[at]) >= 0x20)
        at++;
    return at;
}

} // namespace http
