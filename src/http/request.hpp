// What to send: one HTTP request with its limits, complete before the transfer starts. Plain data; no
// PostgreSQL types. check() is the gate that makes header and URL injection impossible; the engine calls it
// for every request.
#pragma once

#include "http/core_only.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace http
{

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// How the request proves who we are. Never printed: error texts are searched for the secret before they
/// leave.
struct Credentials {
    enum class Kind {
        none,
        bearer, ///< Authorization: Bearer <secret>
        basic,  ///< Authorization: Basic base64(name:secret); name without a colon (RFC 7617)
        header  ///< <name>: <secret>, e.g. Autoclient's `token` header
    };
    Kind kind{Kind::none};
    std::string name;
    std::string secret;
    bool operator==(const Credentials &) const = default;
};

/// TLS of an https request. Files are PEM, read by libcurl in this process at connect time.
struct Tls {
    enum class Version { tls1_2, tls1_3 };
    bool verify{true};     ///< chain and host name; false accepts any certificate
    std::string ca_file;   ///< trust only these authorities instead of the system's; empty = the system's
    std::string cert_file; ///< client certificate (chain)
    std::string key_file;  ///< its private key; empty = in cert_file
    Version minimum{Version::tls1_2};
    bool operator==(const Tls &) const = default;
};

/// What the calls of one server and endpoint have in common.
struct Settings {
    std::string method{"GET"}; ///< GET, POST, PUT or DELETE
    Credentials credentials;
    Tls tls;
    std::string
        proxy; ///< [http|https|socks5|socks5h://]host[:port]; empty = none, the environment is ignored
    std::string user_agent;                            ///< empty = no User-Agent header
    std::chrono::milliseconds connect_timeout{10'000}; ///< resolve + connect + TLS
    std::chrono::milliseconds timeout{30'000}; ///< the whole transfer, counted from when it leaves the queue
    std::size_t max_reply_size{64U << 20};     ///< bytes of body; more ends the transfer as too_large

    /// For calls that must not happen twice: a connection of its own, closed afterwards. libcurl silently
    /// repeats a request when a kept-alive connection is closed unanswered; on a fresh one it never does.
    bool fresh_connection{false};
    /// Only 127.0.0.0/8 and ::1 may be reached, judged by the resolved address, also of a reused connection.
    /// Not possible through a proxy.
    bool loopback_only{false};
    /// Plain http to other than loopback addresses.
    bool allow_http{false};
    /// Resolve, connect, TLS handshake and no more: nothing is sent, the response is Failure::none with
    /// status 0.
    bool connect_only{false};

    bool operator==(const Settings &) const = default;
};

struct Request : Settings {
    std::string url;  ///< absolute, http or https, without user:password@
    Pairs headers;    ///< names are tokens, values without CR, LF, NUL; not those the client writes itself
    std::string body; ///< bytes, sent as they are; a GET has none
    std::string content_type; ///< of the body; empty = no Content-Type header
};

/// Why a request cannot be sent, as a text for people (lower case, no full stop), or empty when it can. Looks
/// at method, URL, headers, credentials, proxy and limits; touches neither network nor files. Never quotes a
/// secret.
std::string check(const Request &request);

/// The same without the URL, for a caller that has judged it by parse_url().
std::string check_but_url(const Request &request);

} // namespace http
