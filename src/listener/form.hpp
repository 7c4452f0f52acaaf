// Reads multipart/form-data bodies. Plain C++.
#pragma once

#include "listener/exchange.hpp"

#include <map>

namespace listener
{

struct Field {
    std::string value, file_name, type;
};

// The fields by name; nothing when the body is no complete form.
std::optional<std::map<std::string, Field>> read_form(const Exchange &exchange);

} // namespace listener
