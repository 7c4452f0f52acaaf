// Fuzzes URL parsing, completing, composing and redacting. Promised: only http and https with a
// host pass, the gate of requests agrees, a query changes no host, completing and redacting are
// idempotent.
#include "http/request.hpp"
#include "http/url.hpp"

#include "property.hpp"

#include <string>

namespace
{

void parse(std::string_view input)
{
    try {
        const http::Url url = http::parse_url(input);
        fuzz::promise(url.scheme == "http" || url.scheme == "https", "the scheme is HTTP's");
        fuzz::promise(!url.host.empty() && url.port >= 0 && url.port <= 65535, "there are host and port");
        fuzz::promise(http::parse_url(http::with_query(input, {{"a b", "&=#"}})).host == url.host,
                      "a query changes no host");
    } catch (const http::BadUrl &) {
        http::Request request;
        request.url = input;
        fuzz::promise(!http::check(request).empty(), "the gate refuses a bad URL");
    }
}

void complete(std::string_view input)
{
    try {
        const std::string url = http::complete_url(input);
        fuzz::promise(http::complete_url(url) == url, "a complete URL stays as it is");
    } catch (const http::BadUrl &) {
        return;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const fuzz::Block block(data, size);
    parse(block.view());
    complete(block.view());
    const std::string shown = http::redact_url(block.view());
    fuzz::promise(http::redact_url(shown) == shown, "what is redacted stays as it is");
    http::is_loopback_host(block.view());
    http::Request request;
    request.url = "https://localhost/";
    request.proxy = block.view();
    http::check(request);
    return 0;
}
