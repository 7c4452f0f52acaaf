// The outcome of one transfer, good or bad. Every text in it is valid UTF-8 without
// control characters and without secrets, whatever the server sent; only `body` is raw
// bytes.
#pragma once

#include "http/core_only.hpp"
#include "http/request.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace http
{

enum class Failure {
    none,              ///< a complete reply arrived, whatever its status
    bad_request,       ///< refused by check(); never sent
    resolve,           ///< host (or proxy) name unknown
    connect,           ///< no connection, or the proxy refused the tunnel
    tls,               ///< handshake failed: no common version or cipher, not TLS at all
    certificate,       ///< server's certificate not accepted, ours not accepted or not readable, CA file not
                       ///< readable
    forbidden_address, ///< loopback_only or plain http would have reached another machine; never sent
    timeout,           ///< connect_timeout or timeout passed
    reset,             ///< connection lost before the reply's header was complete
    truncated, ///< connection lost inside a body of known length or in chunks (others end by the close)
    too_large, ///< body above max_reply_size, or header above 256 kB
    bad_reply, ///< not HTTP
    aborted,   ///< cancelled by the caller
    other
};

/// The name of a failure as in the enumeration, for texts and tables.
std::string_view name(Failure failure);

struct Response {
    Failure failure{Failure::none};
    std::string
        error; ///< for people, lower case, no full stop, empty without failure; no query string, no secret
    /// False only when it is proved that no byte of the request left: libcurl counts 0 bytes
    /// (CURLINFO_REQUEST_SIZE), or the connection was never ready for a request.
    bool sent{true};
    int status{0};    ///< HTTP status; 0 = none arrived. May be set beside a failure (truncated, too_large)
    std::string body; ///< as received, complete only without failure
    std::string content_type; ///< the header's value as received, with parameters
    std::string charset;      ///< its charset parameter in lower case; empty = none
    std::string file_name;    ///< of Content-Disposition, last path part only; empty = none
    std::optional<std::chrono::seconds>
        retry_after;                       ///< both forms; a date counts from the server's own Date header
    Pairs headers;                         ///< of the final reply, in order, names as received
    std::chrono::microseconds duration{0}; ///< from leaving the queue to the end
    std::string peer; ///< address and port that was connected: "127.0.0.1:8080", "[::1]:80"
};

} // namespace http
