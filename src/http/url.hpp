// URLs as people write them into server options, made exact. Parsing is libcurl's own, so that the
// host we judge is the host libcurl connects to. Nothing here touches the network; host names are
// not resolved.
#pragma once

#include "http/core_only.hpp"
#include "http/request.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

struct sockaddr;

namespace http
{

/// Text for people (lower case, no full stop); never quotes user:password@ or the query.
struct BadUrl : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

struct Url {
    std::string scheme; ///< "http" or "https"
    std::string host;   ///< lower case, IPv6 without brackets
    int port{0};        ///< the scheme's default filled in
    std::string path;   ///< starts with '/'
    std::string query;  ///< without '?'

    /// "https://host:port": what connections and limits are counted by.
    std::string origin() const;
};

/// Parses an absolute http or https URL. Refused with BadUrl: other schemes, user:password@, blanks and
/// control characters, no host, bad port.
Url parse_url(std::string_view text);

/// A URL as stored in a server option: outer blanks and a trailing '?' are dropped, https is added when the
/// scheme is missing (wire/k2.md section 1: the setting holds host and path without scheme). The rest is kept
/// byte for byte; throws BadUrl for what parse_url refuses.
std::string complete_url(std::string_view setting);

/// `url` with the pairs appended to its query, percent-encoded, in order. An empty list changes nothing.
std::string with_query(std::string_view url, const Pairs &pairs);

/// RFC 3986: all but letters, digits and "-._~" as %XX.
std::string percent_encode(std::string_view text);

/// Whether a host name or literal means this machine: localhost, *.localhost, 127.0.0.0/8, ::1,
/// ::ffff:127.0.0.0/104. For hints and option checks; the engine judges the resolved address.
bool is_loopback_host(std::string_view host);

/// The same of a numeric address, IPv4 or IPv6 without brackets, and of a resolved one.
bool is_loopback_address(const char *address) noexcept;
bool is_loopback(const sockaddr *address) noexcept;

/// A URL fit for texts and logs: user:password@ becomes ***@, values of query parameters with telling names
/// (token, password, secret, key, auth, sign) become ***. Works on any text, also on what parse_url refuses.
std::string redact_url(std::string_view url);

} // namespace http
