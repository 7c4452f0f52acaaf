// The gate every request passes; see request.hpp. What is refused here can
// neither inject a header nor smuggle a second request nor reach a scheme that
// is not HTTP.
#include "http/request.hpp"

#include "http/url.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace http
{
namespace
{

using std::chrono::milliseconds;
constexpr milliseconds longest_timeout{24 * 3600 * 1000};

bool token(std::string_view text) // RFC 9110 5.6.2
{
    static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               marks.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), good);
}

bool clean(std::string_view text) // a field value: no control characters but the tab
{
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7F;
    });
}

bool same_name(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// Fields that frame the message or steer the connection; only the client writes them.
bool framing_field(std::string_view name)
{
    static constexpr std::array<std::string_view, 12> names{"Host",
                                                            "Content-Length",
                                                            "Transfer-Encoding",
                                                            "Connection",
                                                            "Keep-Alive",
                                                            "Expect",
                                                            "TE",
                                                            "Trailer",
                                                            "Upgrade",
                                                            "Proxy-Connection",
                                                            "Proxy-Authorization",
                                                            "Accept-Encoding"};
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view own) { return same_name(own, name); });
}

std::string check_header(std::string_view name, std::string_view value)
{
    if (!token(name))
        return "a header name is empty or contains a character that is not allowed";
    const std::string quoted = "header \"" + std::string(name) + "\"";
    if (framing_field(name))
        return quoted + " is written by the client itself";
    if (same_name(name, "Content-Type"))
        return quoted + " is set with the body's content type";
    if (same_name(name, "Authorization"))
        return quoted + " is set with the credentials";
    if (same_name(name, "User-Agent"))
        return quoted + " is set with the user agent";
    return clean(value) ? std::string() : "the value of " + quoted + " contains a control character";
}

std::string check_credentials(const Credentials &credentials)
{
    using Kind = Credentials::Kind;
    if (credentials.kind == Kind::none)
        return {};
    if (!clean(credentials.name) || !clean(credentials.secret))
        return "the credentials contain a control character";
    if (credentials.kind == Kind::basic)
        return credentials.name.find(':') == std::string::npos ? std::string()
                                                               : "the user name contains a colon";
    if (credentials.secret.empty())
        return "the secret is empty";
    if (credentials.kind == Kind::header && (!token(credentials.name) || framing_field(credentials.name)))
        return "the name of the credentials' header is not allowed";
    return {};
}

std::string check_proxy(std::string_view proxy)
{
    if (proxy.empty())
        return {};
    const auto slashes = proxy.find("://");
    const std::string_view scheme = slashes == std::string_view::npos ? "http" : proxy.substr(0, slashes);
    static constexpr std::array<std::string_view, 4> schemes{"http", "https", "socks5", "socks5h"};
    if (std::find(schemes.begin(), schemes.end(), scheme) == schemes.end())
        return "the proxy's scheme is none of http, https, socks5, socks5h";
    const std::string_view rest = slashes == std::string_view::npos ? proxy : proxy.substr(slashes + 3);
    try {
        const Url url = parse_url("http://" + std::string(rest));
        if (url.path != "/" || !url.query.empty())
            return "the proxy has a path";
    } catch (const BadUrl &) {
        return "the proxy is not [scheme://]host[:port]";
    }
    return {};
}

std::string check_limits(const Request &request)
{
    for (const milliseconds limit : {request.connect_timeout, request.timeout})
        if (limit <= milliseconds(0) || limit > longest_timeout)
            return "a timeout is not between 1 ms and 24 hours";
    for (const std::string *file : {&request.tls.ca_file, &request.tls.cert_file, &request.tls.key_file})
        if (!clean(*file))
            return "a file name contains a control character";
    if (!request.tls.key_file.empty() && request.tls.cert_file.empty())
        return "a key file is set without a certificate file";
    return {};
}

} // namespace

std::string check(const Request &request)
{
    try {
        parse_url(request.url);
    } catch (const BadUrl &error) {
        return error.what();
    }
    return check_but_url(request);
}

std::string check_but_url(const Request &request)
{
    static constexpr std::array<std::string_view, 4> methods{"GET", "POST", "PUT", "DELETE"};
    if (std::find(methods.begin(), methods.end(), request.method) == methods.end())
        return "the method is none of GET, POST, PUT, DELETE";
    if (request.method == "GET" && !request.body.empty())
        return "a GET request has no body";
    for (const auto &[name, value] : request.headers)
        if (std::string reason = check_header(name, value); !reason.empty())
            return reason;
    if (!clean(request.content_type))
        return "the content type contains a control character";
    if (!clean(request.user_agent))
        return "the user agent contains a control character";
    if (std::string reason = check_credentials(request.credentials); !reason.empty())
        return reason;
    if (std::string reason = check_proxy(request.proxy); !reason.empty())
        return reason;
    return check_limits(request);
}

} // namespace http
