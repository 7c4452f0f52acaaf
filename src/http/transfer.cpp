// Setting up a libcurl handle and collecting what it delivers; see transfer.hpp. How a transfer
// ended is in outcome.cpp. The callbacks are noexcept, only record, and are the only code libcurl
// calls back.
#include "http/transfer.hpp"

#include "http/charset.hpp"
#include "http/url.hpp"

#include <sys/socket.h>

#include <csignal>
#include <new>
#include <stdexcept>
#include <string_view>

namespace http
{
namespace
{

std::string_view trim(std::string_view text)
{
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

} // namespace

/// libcurl's callbacks. `self` is the Transfer.
struct TransferCallbacks {
    static std::size_t body(char *data, std::size_t, std::size_t size, void *self) noexcept
    {
        auto &transfer = *static_cast<Transfer *>(self);
        if (size > transfer.request_.max_reply_size - transfer.body_.size()) {
            transfer.too_large_ = true;
            return CURL_WRITEFUNC_ERROR;
        }
        try {
            transfer.body_.append(data, size);
        } catch (...) {
            transfer.out_of_memory_ = true;
            return CURL_WRITEFUNC_ERROR;
        }
        return size;
    }

    static std::size_t header(char *data, std::size_t, std::size_t size, void *self) noexcept
    {
        auto &transfer = *static_cast<Transfer *>(self);
        transfer.header_bytes_ += size;
        if (transfer.header_bytes_ > Transfer::header_limit) {
            transfer.too_large_ = true;
            return CURL_WRITEFUNC_ERROR;
        }
        try {
            line(transfer, std::string_view(data, size));
        } catch (...) {
            transfer.out_of_memory_ = true;
            return CURL_WRITEFUNC_ERROR;
        }
        return size;
    }

    static void line(Transfer &transfer, std::string_view text)
    {
        if (transfer.header_done_)
            return; // a trailer
        if (text.starts_with("HTTP/")) {
            transfer.headers_.clear();
            const auto space = text.find(' ');
            transfer.interim_ = space != std::string_view::npos && text.substr(space + 1).starts_with('1');
            return;
        }
        if (trim(text).empty()) {
            transfer.header_done_ = !transfer.interim_;
            return;
        }
        const bool folded = text.front() == ' ' || text.front() == '\t';
        const auto colon = text.find(':');
        if (folded && !transfer.headers_.empty())
            transfer.headers_.back().second += " " + printable(trim(text), Transfer::header_limit);
        else if (colon != std::string_view::npos)
            transfer.headers_.emplace_back(printable(trim(text.substr(0, colon)), Transfer::header_limit),
                                           printable(trim(text.substr(colon + 1)), Transfer::header_limit));
    }

    static curl_socket_t open(void *self, curlsocktype, curl_sockaddr *address) noexcept
    {
        auto &transfer = *static_cast<Transfer *>(self);
        if (confined(transfer.request_) && !is_loopback(&address->addr)) {
            transfer.forbidden_ = true;
            return CURL_SOCKET_BAD;
        }
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    }

    /// Called when a connection, new or reused, is ready and before the first byte of the request.
    static int ready(void *self, char *remote_address, char *, int, int) noexcept
    {
        auto &transfer = *static_cast<Transfer *>(self);
        if (confined(transfer.request_) && !is_loopback_address(remote_address)) {
            transfer.forbidden_ = true; // a connection kept alive by a transfer that was allowed more
            return CURL_PREREQFUNC_ABORT;
        }
        if (transfer.request_.connect_only) {
            transfer.connected_ = true;
            return CURL_PREREQFUNC_ABORT;
        }
        transfer.request_begun_ = true;
        return CURL_PREREQFUNC_OK;
    }
};

bool confined(const Request &request) noexcept
{
    const bool plain = request.url.size() > 4 && request.url[4] == ':'; // http: or https:, check() saw to it
    return request.loopback_only || (plain && !request.allow_http);
}

SignalBlock::SignalBlock() noexcept
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalBlock::~SignalBlock()
{
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Transfer::Transfer() : easy_(curl_easy_init())
{
    if (easy_ == nullptr)
        throw std::bad_alloc();
}

Transfer::~Transfer()
{
    curl_easy_cleanup(easy_);
}

template <class T> void Transfer::set(CURLoption option, T value)
{
    const CURLcode code = curl_easy_setopt(easy_, option, value);
    if (code == CURLE_OUT_OF_MEMORY)
        throw std::bad_alloc();
    if (code != CURLE_OK) {
        const curl_easyoption *known = curl_easy_option_by_id(option);
        throw std::runtime_error(std::string("libcurl refuses option ") + (known ? known->name : "?") + ": " +
                                 curl_easy_strerror(code));
    }
}

void Transfer::prepare(std::uint64_t tag, Request &&request)
{
    tag_ = tag;
    const bool same =
        set_up_ && static_cast<const Settings &>(request_) == request && had_body_ != request.body.empty();
    set_up_ = false;
    had_body_ = !request.body.empty();
    request_ = std::move(request);
    if (!same)
        set_all();
    set_message();
    set_up_ = true;
    began_ = std::chrono::steady_clock::now();
}

void Transfer::set_all()
{
    curl_easy_reset(easy_);
    set_constants();
    set_method();
    set_credentials();
    set_tls();
    set_network();
}

void Transfer::set_constants()
{
    set(CURLOPT_PRIVATE, static_cast<void *>(this));
    set(CURLOPT_ERRORBUFFER, error_buffer_.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L); // a cancel must not wait for getaddrinfo
    set(CURLOPT_WRITEFUNCTION, &TransferCallbacks::body);
    set(CURLOPT_WRITEDATA, static_cast<void *>(this));
    set(CURLOPT_HEADERFUNCTION, &TransferCallbacks::header);
    set(CURLOPT_HEADERDATA, static_cast<void *>(this));
    set(CURLOPT_OPENSOCKETFUNCTION, &TransferCallbacks::open);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void *>(this));
    set(CURLOPT_PREREQFUNCTION, &TransferCallbacks::ready);
    set(CURLOPT_PREREQDATA, static_cast<void *>(this));
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    // HTTP/2 multiplexes and repeats refused streams by itself; one request per connection keeps "was it
    // sent" exact.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
}

void Transfer::set_method()
{
    if (request_.method == "GET")
        set(CURLOPT_HTTPGET, 1L);
    else if (request_.method != "DELETE" || !request_.body.empty())
        set(CURLOPT_POST, 1L);
    if (request_.method == "PUT" || request_.method == "DELETE")
        set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    if (!request_.user_agent.empty())
        set(CURLOPT_USERAGENT, request_.user_agent.c_str());
}

/// What differs from call to call of one server: URL, headers, body.
void Transfer::set_message()
{
    set(CURLOPT_URL, request_.url.c_str());
    set_headers();
    if (request_.method == "GET" || (request_.method == "DELETE" && request_.body.empty()))
        return;
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
}

void Transfer::set_headers()
{
    header_lines_.clear();
    for (const auto &[name, value] : request_.headers)
        header_lines_.push_back(value.empty() ? name + ";"
                                              : name + ": " + value); // libcurl: "name:" would drop it
    if (request_.credentials.kind == Credentials::Kind::header)
        header_lines_.push_back(request_.credentials.name + ": " + request_.credentials.secret);
    if (!request_.content_type.empty())
        header_lines_.push_back("Content-Type: " + request_.content_type);
    else if (request_.method != "GET")
        header_lines_.emplace_back("Content-Type:"); // libcurl would call it a web form
    header_lines_.emplace_back("Accept-Encoding: identity");
    header_lines_.emplace_back(
        "Expect:"); // libcurl would wait a second for "100 Continue" before a body above 1 MB
    header_list_.clear();
    header_list_.reserve(header_lines_.size()); // the links point into it
    for (std::string &line : header_lines_) {
        header_list_.push_back({line.data(), nullptr});
        if (header_list_.size() > 1)
            header_list_[header_list_.size() - 2].next = &header_list_.back();
    }
    set(CURLOPT_HTTPHEADER, header_list_.data());
}

void Transfer::set_credentials()
{
    const Credentials &credentials = request_.credentials;
    if (credentials.kind == Credentials::Kind::bearer) {
        set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        set(CURLOPT_XOAUTH2_BEARER, credentials.secret.c_str());
    } else if (credentials.kind == Credentials::Kind::basic) {
        set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        set(CURLOPT_USERNAME, credentials.name.c_str());
        set(CURLOPT_PASSWORD, credentials.secret.c_str());
    }
}

void Transfer::set_tls()
{
    const Tls &tls = request_.tls;
    const bool v13 = tls.minimum == Tls::Version::tls1_3;
    set(CURLOPT_SSLVERSION, static_cast<long>(v13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    set(CURLOPT_CA_CACHE_TIMEOUT, 60L); // a mended CA file counts within a minute, not within a day
    if (!tls.ca_file.empty()) {
        set(CURLOPT_CAINFO, tls.ca_file.c_str());
        set(CURLOPT_CAPATH,
            static_cast<const char *>(nullptr)); // Debian's default would keep the public ones
    }
    if (!tls.cert_file.empty()) {
        set(CURLOPT_SSLCERT, tls.cert_file.c_str());
        set(CURLOPT_SSLKEY, (tls.key_file.empty() ? tls.cert_file : tls.key_file).c_str());
    }
}

void Transfer::set_network()
{
    const auto ms = [](std::chrono::milliseconds limit) { return static_cast<long>(limit.count()); };
    set(CURLOPT_CONNECTTIMEOUT_MS, ms(request_.connect_timeout));
    set(CURLOPT_TIMEOUT_MS, ms(request_.timeout));
    set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.max_reply_size));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_PROXY, request_.proxy.c_str()); // empty: none, also not from the environment
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (request_.fresh_connection) {
        set(CURLOPT_FRESH_CONNECT, 1L);
        set(CURLOPT_FORBID_REUSE, 1L);
    }
}

void Transfer::reset() noexcept
{
    request_.url.clear();
    request_.headers.clear();
    request_.content_type.clear();
    std::string().swap(request_.body);
    header_lines_.clear();
    error_buffer_[0] = '\0';
    body_.clear();
    headers_.clear();
    header_bytes_ = 0;
    header_done_ = interim_ = request_begun_ = connected_ = forbidden_ = too_large_ = out_of_memory_ = false;
}

} // namespace http
