// One transfer on one libcurl easy handle: sets it up from a request, collects the reply, says how it ended.
// Made and driven only by the engine, which reuses finished ones; libcurl holds pointers into it while it
// runs, so it neither moves nor copies.
#pragma once

#include "http/core_only.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace http
{

/// Whether a checked request may reach only loopback addresses: asked for, or plain http that was not
/// allowed.
bool confined(const Request &request) noexcept;

class Transfer
{
public:
    /// Throws std::bad_alloc.
    Transfer();
    ~Transfer();
    Transfer(const Transfer &) = delete;
    Transfer &operator=(const Transfer &) = delete;

    CURL *easy() const noexcept { return easy_; }
    std::uint64_t tag() const noexcept { return tag_; }

    /// Sets up the handle for a request that check() accepted; the settings of the former transfer stay when
    /// they are the same, all are made anew when any differs. Throws std::runtime_error naming the option
    /// that libcurl refuses: a transfer never runs with less protection than asked for.
    void prepare(std::uint64_t tag, Request &&request);

    /// The outcome, once libcurl is done with the handle (`code` of CURLMSG_DONE).
    Response complete(CURLcode code);
    /// The outcome of a transfer that the caller ended.
    Response abort();

    /// Ready for the next prepare(): forgets the message and the reply.
    void reset() noexcept;

private:
    friend struct TransferCallbacks;

    static constexpr std::size_t header_limit = 256U << 10; ///< bytes of all reply headers of a transfer

    template <class T> void set(CURLoption option, T value);
    void set_all();
    void set_constants();
    void set_method();
    void set_credentials();
    void set_tls();
    void set_network();
    void set_message();
    void set_headers();

    Failure classify(CURLcode code) const;
    std::string explain(Failure failure) const;
    std::string wait_text() const;
    std::string place() const;
    void read_header_fields(Response &response) const;
    bool was_sent() const;
    Response take(Failure failure);

    CURL *easy_;
    std::uint64_t tag_{0};
    Request request_;    ///< between two transfers: the settings the handle still has
    bool set_up_{false}; ///< the handle has the settings of request_
    bool had_body_{false};
    std::vector<std::string> header_lines_;
    std::vector<curl_slist> header_list_; ///< links header_lines_; storage that calls share
    std::array<char, CURL_ERROR_SIZE> error_buffer_{};
    std::chrono::steady_clock::time_point began_;

    // What the callbacks saw.
    std::string body_;
    Pairs headers_;
    std::size_t header_bytes_{0};
    bool header_done_{false};   ///< of the final reply
    bool interim_{false};       ///< inside the header of a 1xx reply
    bool request_begun_{false}; ///< a connection was ready for the request
    bool connected_{false};     ///< connect_only: as far as it was asked to go
    bool forbidden_{false};
    bool too_large_{false};
    bool out_of_memory_{false};
};

/// Blocks all signals of this thread for a scope: libcurl may start a resolver thread, which inherits the
/// mask and must never run the process's signal handlers.
class SignalBlock
{
public:
    SignalBlock() noexcept;
    ~SignalBlock();
    SignalBlock(const SignalBlock &) = delete;
    SignalBlock &operator=(const SignalBlock &) = delete;

private:
    sigset_t before_;
};

} // namespace http
