// Credentials of a request and what they are compared with: SHA-256, constant-time comparison, Authorization
// headers.
//
// No PostgreSQL types. A token is never copied further than the digest of it.
#pragma once

#include "http/core_only.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace listener
{

using Digest = std::array<unsigned char, 32>;
using Uuid = std::array<unsigned char, 16>;

Digest sha256(std::string_view text);
bool equal(const Digest &a, const Digest &b); // takes the same time whatever they hold

Uuid random_uuid();
std::string print(const Uuid &uuid);

struct Credentials {
    std::optional<std::string> login; // basic authentication only
    Digest secret;
};

// Reads "Bearer <token>" or "Basic <base64 of login:token>"; nothing when it is neither.
std::optional<Credentials> read_authorization(std::string_view header);

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

} // namespace listener
