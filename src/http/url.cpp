// URL parsing and composing; see url.hpp. libcurl's parser decides what a URL means; this file
// narrows it to what the bank needs and words the refusals, without ever quoting a part that may
// hold a secret.
#include "http/url.hpp"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace http
{
namespace
{

struct FreeUrl {
    void operator()(CURLU *url) const noexcept { curl_url_cleanup(url); }
};
struct FreeText {
    void operator()(char *text) const noexcept { curl_free(text); }
};

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
    return out;
}

std::string_view trim(std::string_view text)
{
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

bool has_scheme(std::string_view text)
{
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0)
        return false;
    return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
        return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
               c == '.';
    });
}

/// One part of a parsed URL, empty when it has none.
std::string part(CURLU *url, CURLUPart what, unsigned flags = 0)
{
    char *text = nullptr;
    if (curl_url_get(url, what, &text, flags) != CURLUE_OK)
        return {};
    const std::unique_ptr<char, FreeText> owner(text);
    return text;
}

bool loopback_v4(const unsigned char *address) noexcept
{
    return address[0] == 127;
}

bool loopback_v6(const unsigned char *address) noexcept
{
    static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(address, mapped, sizeof mapped) == 0)
        return loopback_v4(address + 12);
    return std::memcmp(address, &in6addr_loopback, sizeof in6addr_loopback) == 0;
}

/// Whether a query parameter's name says that its value is a secret.
bool telling(std::string_view name)
{
    static constexpr std::array<std::string_view, 7> words{"token", "passw", "pwd", "secret",
                                                           "key",   "auth",  "sign"};
    const std::string low = lower(name);
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return low.find(word) != std::string::npos; });
}

/// Masks user and password of the authority that begins at `begin`, if one does.
void redact_user(std::string &url, std::size_t begin)
{
    const auto end = std::min(url.find_first_of("/?#", begin), url.size());
    const auto at = std::string_view(url).substr(0, end).rfind('@');
    if (at != std::string_view::npos && at >= begin)
        url.replace(begin, at - begin, "***");
}

void redact_query(std::string &url)
{
    auto at = url.find('?');
    while (at != std::string::npos) {
        const auto begin = at + 1;
        const auto end = std::min(url.find_first_of("&#", begin), url.size());
        const auto equals = url.find('=', begin);
        if (equals < end && telling(std::string_view(url).substr(begin, equals - begin)))
            url.replace(equals + 1, end - equals - 1, "***");
        const auto next = url.find_first_of("&#", begin);
        at = next != std::string::npos && url[next] == '&' ? next : std::string::npos;
    }
}

} // namespace

std::string Url::origin() const
{
    const bool v6 = host.find(':') != std::string::npos;
    return scheme + "://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Url parse_url(std::string_view text)
{
    const auto odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
    if (std::any_of(text.begin(), text.end(), odd))
        throw BadUrl("the URL contains a blank or control character");
    if (!has_scheme(text))
        throw BadUrl("the URL does not start with http:// or https://");
    if (text.substr(text.find("://") + 3).starts_with('/')) // libcurl would take the path's first part
        throw BadUrl("the URL has no host");
    const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
    if (!url)
        throw std::bad_alloc();
    const CURLUcode code =
        curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_DISALLOW_USER);
    if (code == CURLUE_OUT_OF_MEMORY)
        throw std::bad_alloc();
    if (code == CURLUE_USER_NOT_ALLOWED)
        throw BadUrl("the URL contains a user name or password");
    if (code == CURLUE_UNSUPPORTED_SCHEME)
        throw BadUrl("the URL's scheme is neither http nor https");
    if (code == CURLUE_NO_HOST) // worded differently by libcurl's versions
        throw BadUrl("the URL is malformed: No host part in the URL");
    if (code != CURLUE_OK)
        throw BadUrl(std::string("the URL is malformed: ") + curl_url_strerror(code));
    Url out;
    out.scheme = lower(part(url.get(), CURLUPART_SCHEME));
    if (out.scheme != "http" && out.scheme != "https")
        throw BadUrl("the URL's scheme is neither http nor https");
    out.host = lower(part(url.get(), CURLUPART_HOST));
    if (out.host.size() > 2 && out.host.front() == '[')
        out.host = out.host.substr(1, out.host.size() - 2);
    if (out.host.empty())
        throw BadUrl("the URL has no host");
    out.port = std::stoi(part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
    out.path = part(url.get(), CURLUPART_PATH);
    out.query = part(url.get(), CURLUPART_QUERY);
    return out;
}

std::string complete_url(std::string_view setting)
{
    const std::string_view text = trim(setting);
    std::string url = has_scheme(text) ? std::string(text) : "https://" + std::string(text);
    const std::string low = lower(text.substr(0, 6));
    if (!has_scheme(text) && (low.starts_with("http:") || low.starts_with("https:")))
        throw BadUrl("the URL's scheme is not followed by //");
    while (url.ends_with('?'))
        url.pop_back();
    parse_url(url);
    return url;
}

std::string with_query(std::string_view url, const Pairs &pairs)
{
    const auto hash = std::min(url.find('#'), url.size());
    std::string out(url.substr(0, hash));
    bool first = out.find('?') == std::string::npos;
    for (const auto &[name, value] : pairs) {
        if (first)
            out += '?';
        else if (!out.ends_with('?') && !out.ends_with('&'))
            out += '&';
        first = false;
        out += percent_encode(name) + "=" + percent_encode(value);
    }
    return out.append(url.substr(hash));
}

std::string percent_encode(std::string_view text)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
    return out;
}

bool is_loopback_host(std::string_view host)
{
    std::string name = lower(host);
    if (name.size() > 2 && name.front() == '[' && name.back() == ']')
        name = name.substr(1, name.size() - 2);
    if (name.ends_with('.'))
        name.pop_back();
    return is_loopback_address(name.c_str()) || name == "localhost" || name.ends_with(".localhost");
}

bool is_loopback_address(const char *address) noexcept
{
    unsigned char bytes[16];
    if (inet_pton(AF_INET, address, bytes) == 1)
        return loopback_v4(bytes);
    return inet_pton(AF_INET6, address, bytes) == 1 && loopback_v6(bytes);
}

bool is_loopback(const sockaddr *address) noexcept
{
    if (address->sa_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, address, sizeof v4);
        return loopback_v4(reinterpret_cast<const unsigned char *>(&v4.sin_addr));
    }
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, address, sizeof v6);
        return loopback_v6(v6.sin6_addr.s6_addr);
    }
    return false;
}

std::string redact_url(std::string_view url)
{
    std::string out(url);
    redact_user(out, 0);
    const auto slashes = out.find("://");
    if (slashes < out.find_first_of("?#"))
        redact_user(out, slashes + 3);
    redact_query(out);
    return out;
}

} // namespace http
