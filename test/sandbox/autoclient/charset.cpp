/*
 * The two charsets of the Autoclient API. Contracts stand in charset.h.
 */
#include "charset.h"

#include "../text.h"

#include <algorithm>
#include <array>
#include <iconv.h>

namespace sandbox::autoclient
{

namespace
{

/* The UTF-8 form of each windows-1251 byte and the way back for all of the basic plane. */
struct Table {
    std::array<std::string, 256> utf8;
    std::array<char, 0x10000> byte{};

    Table()
    {
        const iconv_t converter = iconv_open("UTF-8", "WINDOWS-1251");
        for (std::size_t i = 0; i < utf8.size(); ++i) {
            char source = static_cast<char>(i);
            char target[8];
            char *in = &source;
            char *to = target;
            std::size_t in_left = 1;
            std::size_t to_left = sizeof target;
            if (iconv(converter, &in, &in_left, &to, &to_left) == 0)
                utf8[i].assign(target, sizeof target - to_left);
        }
        iconv_close(converter);
        byte.fill('?');
        for (std::size_t i = 0; i < utf8.size(); ++i)
            if (!utf8[i].empty())
                byte[code_point(utf8[i])] = static_cast<char>(i);
    }

    /* Of a valid sequence of up to three bytes; longer ones lie outside the basic plane. */
    static std::size_t code_point(std::string_view sequence)
    {
        const auto at = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
        if (sequence.size() == 1)
            return at(0);
        if (sequence.size() == 2)
            return (at(0) & 0x1FU) << 6 | (at(1) & 0x3FU);
        return (at(0) & 0x0FU) << 12 | (at(1) & 0x3FU) << 6 | (at(2) & 0x3FU);
    }
};

const Table &table()
{
    static const Table the;
    return the;
}

} // namespace

std::optional<Charset> charset_named(std::string_view name)
{
    const std::string lower = to_lower(name);
    if (lower == "utf8" || lower == "utf-8")
        return Charset::utf8;
    if (lower == "cp1251" || lower == "windows-1251")
        return Charset::cp1251;
    return std::nullopt;
}

std::string to_cp1251(std::string_view utf8)
{
    const Table &known = table();
    std::string out;
    out.reserve(utf8.size());
    while (!utf8.empty()) {
        const std::size_t length = std::max<std::size_t>(1, utf8_sequence(utf8));
        out += length > 3 ? '?' : known.byte[Table::code_point(utf8.substr(0, length))];
        utf8.remove_prefix(length);
    }
    return out;
}

std::optional<std::string> decoded(Charset charset, std::string_view bytes)
{
    if (charset == Charset::utf8)
        return is_utf8(bytes) ? std::optional(std::string(bytes)) : std::nullopt;
    const Table &known = table();
    std::string out;
    out.reserve(bytes.size() * 2);
    for (char byte : bytes) {
        const std::string &text = known.utf8[static_cast<unsigned char>(byte)];
        if (text.empty())
            return std::nullopt;
        out += text;
    }
    return out;
}

} // namespace sandbox::autoclient
