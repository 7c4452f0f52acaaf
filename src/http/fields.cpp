// Content-Disposition, parameters, lists, Retry-After; see fields.hpp. Every reader
// takes any bytes and gives a harmless result or none; nothing throws but for
// want of memory.
#include "http/fields.hpp"

#include "http/charset.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <ctime>

namespace http
{
namespace
{

constexpr std::chrono::seconds longest_delay{365L * 24 * 3600};

bool blank(char c) noexcept
{
    return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text)
{
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

bool same_name(std::string_view a, std::string_view b) noexcept
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// Takes one parameter (or bare word) off the front of `field`, which starts after its ';'.
struct Parameter {
    std::string_view name; ///< empty for a bare word
    std::string value;
};

std::string take_quoted(std::string_view &field)
{
    std::string value;
    std::size_t i = 1;
    for (; i < field.size() && field[i] != '"'; i++) {
        const bool escape =
            field[i] == '\\' && i + 1 < field.size() && (field[i + 1] == '"' || field[i + 1] == '\\');
        if (escape)
            i++;
        value += field[i];
    }
    field.remove_prefix(std::min(i + 1, field.size()));
    return value;
}

Parameter take_parameter(std::string_view &field)
{
    Parameter out;
    const auto end = std::min(field.find_first_of(";="), field.size());
    const bool named = end < field.size() && field[end] == '=';
    if (named) {
        out.name = trim(field.substr(0, end));
        field.remove_prefix(end + 1);
        while (!field.empty() && blank(field.front()))
            field.remove_prefix(1);
        if (!field.empty() && field.front() == '"')
            out.value = take_quoted(field);
        else
            out.value = trim(field.substr(0, field.find(';')));
    }
    field.remove_prefix(std::min(field.find(';'), field.size()));
    if (!field.empty())
        field.remove_prefix(1);
    return out;
}

int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string percent_decode(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        const int high = i + 2 < text.size() && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
        const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
        if (low < 0) {
            out += text[i];
        } else {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::string latin1_to_utf8(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80)
            out += c;
        else
            out.append({static_cast<char>(0xC0 | (byte >> 6)), static_cast<char>(0x80 | (byte & 0x3F))});
    }
    return out;
}

/// RFC 8187: charset'language'percent-encoded. Empty when malformed or of another charset.
std::string extended_value(std::string_view value)
{
    const auto first = value.find('\'');
    const auto second = first == std::string_view::npos ? first : value.find('\'', first + 1);
    if (second == std::string_view::npos)
        return {};
    const std::string_view charset = value.substr(0, first);
    const std::string bytes = percent_decode(value.substr(second + 1));
    if (same_name(charset, "iso-8859-1"))
        return latin1_to_utf8(bytes);
    try {
        return charset.empty() ? std::string() : to_utf8(bytes, "; charset=" + std::string(charset));
    } catch (const BadText &) {
        return {};
    }
}

/// Last path part without control characters, at most 255 bytes.
std::string clean_file_name(std::string_view raw)
{
    const auto slash = raw.find_last_of("/\\");
    if (slash != std::string_view::npos)
        raw.remove_prefix(slash + 1);
    std::string name = printable(raw, 4096);
    name = trim(name);
    if (name == "." || name == "..")
        return {};
    if (name.size() > 255) {
        std::size_t end = 255;
        while ((static_cast<unsigned char>(name[end]) & 0xC0) == 0x80)
            end--;
        name.resize(end);
    }
    return name;
}

} // namespace

std::string parameter(std::string_view field, std::string_view name)
{
    while (!field.empty()) {
        Parameter next = take_parameter(field);
        if (!next.name.empty() && same_name(next.name, name))
            return std::move(next.value);
    }
    return {};
}

bool lists(std::string_view field, std::string_view word) noexcept
{
    while (!field.empty()) {
        const auto comma = std::min(field.find(','), field.size());
        if (same_name(trim(field.substr(0, comma)), word))
            return true;
        field.remove_prefix(std::min(comma + 1, field.size()));
    }
    return false;
}

std::string file_name(std::string_view content_disposition)
{
    const std::string extended = clean_file_name(extended_value(parameter(content_disposition, "filename*")));
    return extended.empty() ? clean_file_name(parameter(content_disposition, "filename")) : extended;
}

std::optional<std::chrono::seconds> retry_after(std::string_view value, std::string_view date)
{
    value = trim(value);
    if (value.empty())
        return std::nullopt;
    if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        const auto delay =
            std::chrono::seconds(value.size() > 9 ? longest_delay.count() : std::stol(std::string(value)));
        return std::min(delay, longest_delay);
    }
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    const std::time_t until = letter(value.front()) ? curl_getdate(std::string(value).c_str(), nullptr) : -1;
    if (until == -1)
        return std::nullopt;
    std::time_t now = curl_getdate(std::string(trim(date)).c_str(), nullptr);
    if (now == -1)
        now = std::time(nullptr);
    return std::clamp(std::chrono::seconds(until - now), std::chrono::seconds(0), longest_delay);
}

} // namespace http
