// Content-Disposition for names in any script (RFC 6266, RFC 8187).
#include "listener/files.hpp"

namespace listener
{

std::string disposition(const std::string &kind, const std::string &name)
{
    constexpr char digits[] = "0123456789ABCDEF";
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`|~";
    std::string simple, encoded;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0U) != 0x80)
            simple += byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\' || c == '/' ? '_' : c;
        if (plain.find(c) != std::string_view::npos)
            encoded += c;
        else
            ((encoded += '%') += digits[byte >> 4]) += digits[byte & 15];
    }
    std::string header = kind + "; filename=\"" + simple + "\"";
    if (simple != name)
        header += "; filename*=UTF-8''" + encoded;
    return header;
}

} // namespace listener
