// Fuzzes the readers of header fields: Content-Disposition, Content-Type, Retry-After. Promised: a
// file name is valid UTF-8, short, without path parts or control characters; a delay is within
// bounds.
#include "http/charset.hpp"
#include "http/fields.hpp"

#include "property.hpp"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const fuzz::Block block(data, size);
    const std::string name = http::file_name(block.view());
    fuzz::promise(http::invalid_utf8(name) == std::string::npos, "a file name is UTF-8");
    fuzz::promise(name.size() <= 255 && name != "." && name != "..", "a file name is usable");
    fuzz::promise(name.find_first_of(std::string_view("/\\\0\r\n\x1b", 6)) == std::string::npos,
                  "and has no path");
    fuzz::promise(http::charset_of(block.view()).size() <= size, "a charset is a part of its field");
    for (const std::string_view date :
         {std::string_view(), std::string_view("Sun, 06 Nov 1994 08:49:37 GMT")}) {
        const auto delay = http::retry_after(block.view(), date);
        fuzz::promise(!delay || (delay->count() >= 0 && delay->count() <= 365L * 24 * 3600),
                      "a delay is sensible");
    }
    return 0;
}
