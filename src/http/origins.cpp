// See origins.hpp. What follows the first '?' or '#' cannot change scheme, host or port (RFC 3986
// 3.2), it only has to be free of blanks and control characters, which parse_url() sees to for a
// URL that is new.
#include "http/origins.hpp"

#include "http/url.hpp"

#include <algorithm>

namespace http
{
namespace
{

constexpr std::size_t most = 256;

bool plain(std::string_view text)
{
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; });
}

} // namespace

const std::string &Origins::of(const std::string &url)
{
    const auto end = std::min(url.find_first_of("?#"), url.size());
    std::string front = url.substr(0, end);
    const auto found = known_.find(front);
    if (found != known_.end() && plain(std::string_view(url).substr(end)))
        return found->second;
    std::string origin = parse_url(url).origin();
    if (known_.size() >= most)
        known_.clear();
    return known_[std::move(front)] = std::move(origin);
}

} // namespace http
