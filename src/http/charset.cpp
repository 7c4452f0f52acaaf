// UTF-8 and windows-1251; see charset.hpp. The table is the Unicode Consortium's mapping of code
// page 1251; well-formed UTF-8 is Unicode table 3-7. Nothing here depends on the locale or on files
// of the system.
#include "http/charset.hpp"

#include "http/fields.hpp"
#include "http/runs.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace http
{
namespace
{

// Bytes 0x80 to 0xBF; 0xC0 to 0xFF are U+0410 to U+044F. 0 = undefined (0x98).
constexpr std::array<std::uint16_t, 64> cp1251{
    0x0402, 0x0403, 0x201A, 0x0453, 0x201E, 0x2026, 0x2020, 0x2021, 0x20AC, 0x2030, 0x0409, 0x2039, 0x040A,
    0x040C, 0x040B, 0x040F, 0x0452, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0,      0x2122,
    0x0459, 0x203A, 0x045A, 0x045C, 0x045B, 0x045F, 0x00A0, 0x040E, 0x045E, 0x0408, 0x00A4, 0x0490, 0x00A6,
    0x00A7, 0x0401, 0x00A9, 0x0404, 0x00AB, 0x00AC, 0x00AD, 0x00AE, 0x0407, 0x00B0, 0x00B1, 0x0406, 0x0456,
    0x0491, 0x00B5, 0x00B6, 0x00B7, 0x0451, 0x2116, 0x0454, 0x00BB, 0x0458, 0x0405, 0x0455, 0x0457};

char32_t decode1251(unsigned char byte) noexcept
{
    if (byte < 0x80)
        return byte;
    return byte < 0xC0 ? cp1251[byte - 0x80U] : 0x0410U + (byte - 0xC0U);
}

/// The windows-1251 byte of a character, or -1.
int encode1251(char32_t c) noexcept
{
    if (c < 0x80)
        return static_cast<int>(c);
    if (c >= 0x0410 && c <= 0x044F)
        return static_cast<int>(c - 0x0410 + 0xC0);
    const auto *const found = std::find(cp1251.begin(), cp1251.end(), c);
    return found == cp1251.end() ? -1 : static_cast<int>(found - cp1251.begin()) + 0x80;
}

void append_utf8(std::string &out, char32_t c)
{
    const auto byte = [&](char32_t value) { out += static_cast<char>(value); };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xC0 | (c >> 6));
        byte(0x80 | (c & 0x3F));
    } else { // windows-1251 holds nothing above U+FFFF
        byte(0xE0 | (c >> 12));
        byte(0x80 | ((c >> 6) & 0x3F));
        byte(0x80 | (c & 0x3F));
    }
}

/// Length of the well-formed UTF-8 sequence at `at` (Unicode table 3-7), 0 when there is none.
std::size_t sequence(std::string_view text, std::size_t at) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return 1;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() - at < length)
        return 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (byte(1) < low || byte(1) > high)
        return 0;
    for (std::size_t i = 2; i < length; i++)
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    return length;
}

/// The character of a well-formed sequence.
char32_t decode_utf8(std::string_view sequence_bytes) noexcept
{
    const auto first = static_cast<unsigned char>(sequence_bytes[0]);
    if (sequence_bytes.size() == 1)
        return first;
    char32_t c = first & (0xFFU >> (sequence_bytes.size() + 1));
    for (const char next : sequence_bytes.substr(1))
        c = (c << 6) | (static_cast<unsigned char>(next) & 0x3F);
    return c;
}

bool ascii(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string hex(const char *format, unsigned value)
{
    char text[16];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

/// Bytes of windows-1251 as UTF-8; the undefined byte becomes `undefined`, or throws when that is 0.
std::string from1251(std::string_view body, char undefined)
{
    std::string out;
    out.reserve(body.size() + body.size() / 2);
    for (std::size_t i = 0; i < body.size(); i++) {
        const auto byte = static_cast<unsigned char>(body[i]);
        const char32_t c = decode1251(byte);
        if (c != 0 || byte == 0)
            append_utf8(out, c);
        else if (undefined != 0)
            out += undefined;
        else
            throw BadText("byte 0x98 at offset " + std::to_string(i) + " is not windows-1251");
    }
    return out;
}

bool is_utf8_name(std::string_view name)
{
    return name == "utf-8" || name == "utf8";
}

bool is_1251_name(std::string_view name)
{
    return name == "windows-1251" || name == "cp1251" || name == "cp-1251" || name == "win-1251" ||
           name == "windows1251" || name == "x-cp1251";
}

} // namespace

std::size_t invalid_utf8(std::string_view text) noexcept
{
    for (std::size_t at = skip_ascii(text, 0); at < text.size();) {
        const std::size_t length = sequence(text, at);
        if (length == 0)
            return at;
        at += length;
        if (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80)
            at = skip_ascii(text, at);
    }
    return std::string_view::npos;
}

std::string charset_of(std::string_view content_type)
{
    std::string out = parameter(content_type, "charset");
    for (char &c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string to_utf8(std::string_view body, std::string_view content_type)
{
    const std::string charset = charset_of(content_type);
    if (is_1251_name(charset))
        return from1251(body, 0);
    if (!charset.empty() && !is_utf8_name(charset)) {
        if (!ascii(body))
            throw BadText("charset \"" + printable(charset, 40) + "\" is not supported");
        return std::string(body);
    }
    if (body.starts_with("\xEF\xBB\xBF"))
        body.remove_prefix(3);
    const std::size_t bad = invalid_utf8(body);
    if (bad == std::string_view::npos)
        return std::string(body);
    if (charset.empty())
        return from1251(body, 0);
    throw BadText("byte " + hex("0x%02X", static_cast<unsigned char>(body[bad])) + " at offset " +
                  std::to_string(bad) + " is not UTF-8, as the reply declares it");
}

std::string_view missing_in_1251(std::string_view text) noexcept
{
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = sequence(text, at);
        if (length == 0)
            return text.substr(at, 1);
        if (encode1251(decode_utf8(text.substr(at, length))) < 0)
            return text.substr(at, length);
        at += length;
    }
    return {};
}

std::string from_utf8(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    std::size_t position = 1;
    for (std::size_t at = 0; at < text.size(); position++) {
        const std::size_t length = sequence(text, at);
        if (length == 0)
            throw BadText("the text is not valid UTF-8 at offset " + std::to_string(at));
        const char32_t c = decode_utf8(text.substr(at, length));
        const int byte = encode1251(c);
        if (byte < 0)
            throw BadText("character \"" + std::string(text.substr(at, length)) + "\" (" +
                          hex("U+%04X", static_cast<unsigned>(c)) + ") at position " +
                          std::to_string(position) + " does not exist in windows-1251");
        out += static_cast<char>(byte);
        at += length;
    }
    return out;
}

std::string printable(std::string_view text, std::size_t limit)
{
    const auto plain = [](char c) { return c >= ' ' && c < 0x7F; };
    if (text.size() <= limit && std::all_of(text.begin(), text.end(), plain))
        return std::string(text);
    // Only the beginning is looked at: 4 bytes of lookahead decide a sequence that the limit would cut.
    const std::string_view head = text.substr(0, limit + 4);
    const std::size_t bad = invalid_utf8(head);
    const bool utf8 = bad == std::string_view::npos || (bad + 4 > head.size() && head.size() < text.size());
    const std::string all = utf8 ? std::string(head.substr(0, bad)) : from1251(head, '?');
    std::string out;
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t length = sequence(all, at);
        if (out.size() + length > limit)
            return out + "...";
        const char32_t c = decode_utf8(std::string_view(all).substr(at, length));
        if (c < 0x20 || (c >= 0x7F && c < 0xA0))
            out += ' ';
        else
            out.append(all, at, length);
        at += length;
    }
    return out;
}

} // namespace http
