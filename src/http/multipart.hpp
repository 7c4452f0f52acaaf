// Bodies of multipart/form-data requests (RFC 7578), built in memory: Autoclient's
// uploads. Sizes are the caller's concern; a body is one string, as Request::body wants
// it.
#pragma once

#include "http/core_only.hpp"

#include <string>
#include <vector>

namespace http
{

struct Part {
    std::string name;
    std::string file_name;    ///< empty = no filename parameter
    std::string content_type; ///< empty = none written
    std::string body;
};

struct Multipart {
    std::string content_type; ///< multipart/form-data; boundary=…
    std::string body;
};

/// The parts in order, with a random boundary that occurs in none of them. Quotes, CR and LF of names are
/// escaped as browsers do (%22, %0D, %0A), so a name cannot forge a part. Throws std::invalid_argument for a
/// content type with control characters.
Multipart multipart(const std::vector<Part> &parts);

} // namespace http
