// Delivery policy: what a response means for the call, by its endpoint's policy (design section 4). Pure
// decisions, no PostgreSQL and no clock, so that every row of the table can be tested on its own.
#pragma once

#include "http/response.hpp"
#include "reply/read.hpp"

#include <chrono>
#include <string>

namespace outbox
{

enum class Delivery { at_least_once, at_most_once };

enum class Verdict {
    ok,        // final
    refused,   // final: the bank said no
    failed,    // needs a person: repeating the same request is useless
    again,     // stays queued, sent again after a delay
    uncertain, // at_most_once: may have been processed
    stop       // the server is stopped, the row stays queued
};

struct Decision {
    Verdict verdict{Verdict::failed};
    std::string code;              // the bank's code, else empty
    std::string text;              // the bank's text or what went wrong
    bool outage{false};            // the server, not this row, is to blame: the attempt does not count
    bool unreachable{false};       // no connection at all: opens the circuit at once
    std::chrono::seconds pause{0}; // the bank asked for patience (Retry-After)
};

// `worked`: this address has answered well before, so that 404 and 405 speak of the request, not of a
// mistyped URL.
Decision decide(Delivery delivery, const http::Response &response, const reply::Reply &reply, bool worked);

// Exponential backoff with full jitter: uniform in [0, min(cap, base * 2^attempt)]. `dice` is uniform in [0,
// 1).
std::chrono::milliseconds backoff(int attempt, double dice);

} // namespace outbox
