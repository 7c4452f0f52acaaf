// Fuzzes the conversions between UTF-8 and windows-1251. Promised: results and error
// texts are valid UTF-8, what fits windows-1251 comes back unchanged, printable lines are
// short single lines.
#include "http/charset.hpp"

#include "property.hpp"

#include <string>

namespace
{

void convert(std::string_view input, const char *content_type)
{
    try {
        const std::string text = http::to_utf8(input, content_type);
        fuzz::promise(http::invalid_utf8(text) == std::string::npos, "the result is UTF-8");
    } catch (const http::BadText &error) {
        fuzz::promise(http::invalid_utf8(error.what()) == std::string::npos, "the error is UTF-8");
    }
}

void there_and_back(std::string_view input)
{
    try {
        const std::string bytes = http::from_utf8(input);
        fuzz::promise(http::to_utf8(bytes, "x; charset=cp1251") == input, "windows-1251 comes back");
    } catch (const http::BadText &error) {
        fuzz::promise(http::invalid_utf8(error.what()) == std::string::npos, "the error is UTF-8");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const fuzz::Block block(data, size);
    for (const char *type :
         {"", "text/plain; charset=utf-8", "text/plain; charset=windows-1251", "a; charset=latin1"})
        convert(block.view(), type);
    there_and_back(block.view());
    for (const std::size_t limit : {std::size_t{0}, std::size_t{5}, std::size_t{200}}) {
        const std::string line = http::printable(block.view(), limit);
        fuzz::promise(http::invalid_utf8(line) == std::string::npos, "a printable line is UTF-8");
        fuzz::promise(line.size() <= limit + 3, "a printable line is short");
        fuzz::promise(line.find_first_of(std::string_view("\0\r\n\t\x1b", 5)) == std::string::npos,
                      "and one line");
    }
    return 0;
}
