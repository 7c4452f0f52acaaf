// Remembers what parse_url() said of URLs seen before, because one server's calls differ
// only in their queries and parsing costs as much as the rest of starting a call.
// Bounded.
#pragma once

#include "http/core_only.hpp"

#include <string>
#include <unordered_map>

namespace http
{

class Origins
{
public:
    /// The origin of a URL that parse_url() accepts; throws BadUrl like it. The reference holds until the
    /// next call.
    const std::string &of(const std::string &url);

private:
    std::unordered_map<std::string, std::string> known_; ///< by what stands before the query
};

} // namespace http
