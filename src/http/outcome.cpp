// How a transfer ended: libcurl's result codes made into failures, clear texts and the
// proof of what was sent. Texts name host and port only, never path, query or
// credentials.
#include "http/transfer.hpp"

#include "http/charset.hpp"
#include "http/fields.hpp"
#include "http/url.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

namespace http
{
namespace
{

long info_number(CURL *easy, CURLINFO what)
{
    long value = 0;
    return curl_easy_getinfo(easy, what, &value) == CURLE_OK ? value : 0;
}

std::string peer_of(CURL *easy)
{
    char *address = nullptr;
    if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address) != CURLE_OK || address == nullptr ||
        *address == '\0')
        return {};
    const std::string text = address;
    const bool v6 = text.find(':') != std::string::npos;
    return (v6 ? "[" + text + "]" : text) + ":" + std::to_string(info_number(easy, CURLINFO_PRIMARY_PORT));
}

std::string duration_text(std::chrono::milliseconds limit)
{
    return limit.count() % 1000 == 0 ? std::to_string(limit.count() / 1000) + " s"
                                     : std::to_string(limit.count()) + " ms";
}

/// An alert by which the other side says that it does not accept our certificate; with TLS 1.3 it arrives
/// after the handshake, as a failed read.
bool certificate_alert(std::string_view text)
{
    static constexpr std::array<std::string_view, 4> words{
        "alert certificate", "alert bad certificate", "alert unknown ca", "alert unsupported certificate"};
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

/// To newer versions of libcurl (8.22) a private key that cannot be read, or that fits another certificate,
/// is a bad argument.
bool key_not_readable(std::string_view text)
{
    return text.find("private key") != std::string_view::npos;
}

void replace_all(std::string &text, const std::string &secret)
{
    if (secret.empty())
        return;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
        text.replace(at, secret.size(), "***");
}

std::string header_of(const Pairs &headers, std::string_view name)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (const auto &[own, value] : headers)
        if (std::equal(own.begin(), own.end(), name.begin(), name.end(),
                       [&](char a, char b) { return lower(a) == lower(b); }))
            return value;
    return {};
}

bool compressed(const Pairs &headers)
{
    const std::string coding = header_of(headers, "content-encoding");
    return !coding.empty() && coding != "identity";
}

} // namespace

std::string_view name(Failure failure)
{
    static constexpr std::array<std::string_view, 14> names{
        "none",    "bad_request", "resolve",   "connect",   "tls",       "certificate", "forbidden_address",
        "timeout", "reset",       "truncated", "too_large", "bad_reply", "aborted",     "other"};
    return names[static_cast<std::size_t>(failure)];
}

Failure Transfer::classify(CURLcode code) const
{
    if (code == CURLE_OK && !header_done_)
        return Failure::reset; // libcurl takes a header that the connection's end cut short for a whole one
    if (code == CURLE_OK)      // also when an address among several was refused and another one accepted
        return compressed(headers_) ? Failure::bad_reply : Failure::none;
    if (forbidden_)
        return Failure::forbidden_address;
    if (connected_)
        return Failure::none;
    if (too_large_)
        return Failure::too_large;
    if (out_of_memory_)
        return Failure::other;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return Failure::resolve;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return Failure::connect;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return Failure::certificate;
    case CURLE_OPERATION_TIMEDOUT:
        return Failure::timeout;
    case CURLE_PARTIAL_FILE:
        return Failure::truncated;
    case CURLE_FILESIZE_EXCEEDED:
        return Failure::too_large;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: // HTTP/0.9: the scheme itself was checked before
    case CURLE_BAD_CONTENT_ENCODING:
        return Failure::bad_reply;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return certificate_alert(error_buffer_.data()) ? Failure::certificate : Failure::tls;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        if (certificate_alert(error_buffer_.data()))
            return Failure::certificate;
        if (!request_begun_)
            return Failure::connect; // the proxy refused the tunnel
        return header_done_ ? Failure::truncated : Failure::reset;
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return key_not_readable(error_buffer_.data()) ? Failure::certificate : Failure::other;
    default:
        return Failure::other;
    }
}

std::string Transfer::place() const
{
    try {
        const Url url = parse_url(request_.url);
        return url.host + ":" + std::to_string(url.port);
    } catch (const BadUrl &) {
        return "the server";
    }
}

std::string Transfer::wait_text() const
{
    const auto waited = std::chrono::steady_clock::now() - began_;
    if (!request_begun_) {
        const auto limit = waited < request_.timeout ? request_.connect_timeout : request_.timeout;
        return "no connection to " + place() + " within " + duration_text(std::min(limit, request_.timeout));
    }
    const char *what = header_done_ ? "the reply of " : "no reply of ";
    const char *how = header_done_ ? " was not complete within " : " within ";
    return what + place() + how + duration_text(request_.timeout);
}

std::string Transfer::explain(Failure failure) const
{
    const std::string detail = printable(error_buffer_.data());
    const auto with_detail = [&](const std::string &text) {
        return detail.empty() ? text : text + ": " + detail;
    };
    const long proxy_status = info_number(easy_, CURLINFO_HTTP_CONNECTCODE);
    const long os_error = info_number(easy_, CURLINFO_OS_ERRNO);
    switch (failure) {
    case Failure::resolve:
        return "could not resolve the host name of " +
               (request_.proxy.empty() ? place() : "the proxy or of " + place());
    case Failure::connect:
        if (proxy_status != 0)
            return "the proxy refused to connect to " + place() + ": HTTP " + std::to_string(proxy_status);
        if (os_error != 0)
            return "could not connect to " + place() + ": " +
                   std::generic_category().message(static_cast<int>(os_error));
        return with_detail("could not connect to " + place());
    case Failure::tls:
        return with_detail("TLS handshake with " + place() + " failed");
    case Failure::certificate:
        return with_detail("certificate not accepted with " + place());
    case Failure::forbidden_address:
        return request_.loopback_only ? place() + " is not a loopback address, and only those may be reached"
                                      : place() + " may be reached by plain http only if that is allowed";
    case Failure::timeout:
        return wait_text();
    case Failure::reset:
        return place() + " closed the connection without a reply";
    case Failure::truncated:
        return "the reply of " + place() + " ended before it was complete";
    case Failure::too_large:
        if (header_bytes_ > header_limit)
            return "the header of the reply of " + place() + " is too large";
        return "the reply of " + place() + " is larger than " + std::to_string(request_.max_reply_size) +
               " bytes";
    case Failure::bad_reply:
        return compressed(headers_) ? "the reply of " + place() + " is compressed, which was not asked for"
                                    : with_detail("the reply of " + place() + " is not HTTP");
    case Failure::aborted:
        return "the call to " + place() + " was cancelled";
    default:
        return out_of_memory_ ? "out of memory while receiving the reply of " + place()
                              : with_detail("the transfer with " + place() + " failed");
    }
}

bool Transfer::was_sent() const
{
    return request_begun_ && info_number(easy_, CURLINFO_REQUEST_SIZE) > 0;
}

void Transfer::read_header_fields(Response &response) const
{
    response.content_type = header_of(headers_, "content-type");
    response.charset = charset_of(response.content_type);
    response.file_name = file_name(header_of(headers_, "content-disposition"));
    response.retry_after = retry_after(header_of(headers_, "retry-after"), header_of(headers_, "date"));
}

Response Transfer::take(Failure failure)
{
    Response response;
    response.failure = failure;
    if (failure != Failure::none) {
        std::string error = explain(failure);
        replace_all(error, request_.credentials.secret);
        response.error = printable(error, 1000);
    }
    response.sent = was_sent();
    response.status = static_cast<int>(info_number(easy_, CURLINFO_RESPONSE_CODE));
    if (!header_done_)
        response.status = 0; // an interim reply, or the proxy's
    else
        read_header_fields(response);
    response.body = std::move(body_);
    response.headers = std::move(headers_);
    const auto took = std::chrono::steady_clock::now() - began_;
    response.duration = std::chrono::duration_cast<std::chrono::microseconds>(took);
    response.peer = peer_of(easy_);
    return response;
}

Response Transfer::complete(CURLcode code)
{
    return take(classify(code));
}

Response Transfer::abort()
{
    return take(Failure::aborted);
}

} // namespace http
