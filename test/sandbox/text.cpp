/*
 * Small text tools of the sandbox bank: checks of digits, dates and UTF-8, base64, windows-1251, a
 * stable hash. Contracts stand in text.h.
 */
#include "text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iconv.h>

namespace sandbox
{

namespace
{

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int number_at(std::string_view text, std::size_t from, std::size_t length)
{
    int value = 0;
    for (char c : text.substr(from, length))
        value = value * 10 + (c - '0');
    return value;
}

std::size_t skip_digits(std::string_view text, std::size_t from)
{
    while (from < text.size() && is_digit(text[from]))
        ++from;
    return from;
}

} // namespace

bool is_digits(std::string_view text, std::size_t length)
{
    return text.size() == length && skip_digits(text, 0) == length;
}

bool is_iso_date(std::string_view text)
{
    if (text.size() != 10 || text[4] != '-' || text[7] != '-' || !is_digits(text.substr(0, 4), 4) ||
        !is_digits(text.substr(5, 2), 2) || !is_digits(text.substr(8, 2), 2))
        return false;
    const std::chrono::year_month_day date{std::chrono::year(number_at(text, 0, 4)),
                                           std::chrono::month(static_cast<unsigned>(number_at(text, 5, 2))),
                                           std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2)))};
    return date.ok();
}

bool is_decimal(std::string_view text, std::size_t decimals)
{
    const std::size_t start = text.starts_with('-') ? 1 : 0;
    const std::size_t point = skip_digits(text, start);
    if (point == start)
        return false;
    if (point == text.size())
        return true;
    const std::size_t end = skip_digits(text, point + 1);
    return text[point] == '.' && end == text.size() && end > point + 1 && end - point - 1 <= decimals;
}

bool is_integer(std::string_view text)
{
    return is_decimal(text, 0) && text.find('.') == std::string_view::npos;
}

std::size_t utf8_sequence(std::string_view text)
{
    if (text.empty())
        return 0;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80)
        return 1;
    const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                               : lead >= 0xE0 && lead <= 0xEF ? 3
                               : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                              : 0;
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
    const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
    const bool too_high = lead == 0xF4 && byte(1) >= 0x90;
    return overlong || surrogate || too_high ? 0 : length;
}

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string to_base64(std::string_view bytes)
{
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (j < have ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            out += j <= have ? base64_alphabet[group >> (18 - 6 * j) & 63U] : '=';
    }
    return out;
}

std::optional<std::string> from_base64(std::string_view text)
{
    if (text.size() % 4 != 0)
        return std::nullopt;
    while (text.ends_with('='))
        text.remove_suffix(1);
    std::string out;
    std::uint32_t group = 0;
    unsigned bits = 0;
    for (char c : text) {
        const std::size_t value = base64_alphabet.find(c);
        if (value == std::string_view::npos)
            return std::nullopt;
        group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFFU;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(group >> bits & 0xFFU);
        }
    }
    return out;
}

std::string to_windows_1251(std::string_view utf8)
{
    const iconv_t converter = iconv_open("WINDOWS-1251", "UTF-8");
    std::string out;
    while (!utf8.empty()) {
        const std::size_t length = std::max<std::size_t>(1, utf8_sequence(utf8));
        char source[4];
        utf8.copy(source, length);
        char target[8];
        char *in = source;
        char *to = target;
        std::size_t in_left = length;
        std::size_t to_left = sizeof target;
        if (iconv(converter, &in, &in_left, &to, &to_left) == static_cast<std::size_t>(-1))
            out += '?';
        else
            out.append(target, sizeof target - to_left);
        utf8.remove_prefix(length);
    }
    iconv_close(converter);
    return out;
}

std::string to_lower(std::string_view text)
{
    std::string out(text);
    for (char &c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::uint64_t stable_hash(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdU;
    return hash ^ hash >> 33;
}

std::string utc_now()
{
    const auto now = std::chrono::system_clock::now();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    const std::time_t seconds = static_cast<std::time_t>(micros / 1000000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> out{};
    const std::size_t length = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(out.data() + length, out.size() - length, ".%06dZ", static_cast<int>(micros % 1000000));
    return out.data();
}

} // namespace sandbox
