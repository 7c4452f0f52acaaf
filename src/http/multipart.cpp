// multipart/form-data; see multipart.hpp. Parts are written byte for byte; the boundary
// is random and checked against all of them, so that a part can neither end itself nor
// begin another.
#include "http/multipart.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string_view>

namespace http
{
namespace
{

std::string random_boundary()
{
    static constexpr char digits[] = "0123456789abcdef";
    std::random_device source;
    std::string out = "k2bridge-";
    for (int i = 0; i < 4; i++)
        for (auto word = source(), n = 0U; n < 8; n++, word >>= 4)
            out += digits[word & 15];
    return out;
}

std::string free_boundary(const std::vector<Part> &parts)
{
    for (;;) {
        std::string boundary = random_boundary();
        const auto holds = [&](const Part &part) { return part.body.find(boundary) != std::string::npos; };
        if (std::none_of(parts.begin(), parts.end(), holds))
            return boundary;
    }
}

std::string escape(std::string_view name)
{
    std::string out;
    for (const char c : name) {
        if (c == '"')
            out += "%22";
        else if (c == '\r')
            out += "%0D";
        else if (c == '\n')
            out += "%0A";
        else
            out += c;
    }
    return out;
}

void append_part(std::string &out, const Part &part)
{
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::any_of(part.content_type.begin(), part.content_type.end(), control))
        throw std::invalid_argument("the content type of a part contains a control character");
    out += "Content-Disposition: form-data; name=\"" + escape(part.name) + "\"";
    if (!part.file_name.empty())
        out += "; filename=\"" + escape(part.file_name) + "\"";
    out += "\r\n";
    if (!part.content_type.empty())
        out += "Content-Type: " + part.content_type + "\r\n";
    out += "\r\n" + part.body + "\r\n";
}

} // namespace

Multipart multipart(const std::vector<Part> &parts)
{
    const std::string boundary = free_boundary(parts);
    Multipart out;
    out.content_type = "multipart/form-data; boundary=" + boundary;
    for (const Part &part : parts) {
        out.body += "--" + boundary + "\r\n";
        append_part(out.body, part);
    }
    out.body += "--" + boundary + "--\r\n";
    return out;
}

} // namespace http
