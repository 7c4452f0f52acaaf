// Driving the engine in tests: the loop of a caller, with poll() in
// the place of the latch, and a deadline that fails the test instead
// of hanging it.
#pragma once

#include "http/engine.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>
#include <map>

namespace test
{

/// Turns the engine until `done`; false (and a test failure) after 30 s.
inline bool turn_until(http::Engine &engine, const std::function<bool()> &done)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) {
            ADD_FAILURE() << "the engine did not come to an end";
            return false;
        }
        pollfd ready{engine.descriptor(), POLLIN, 0};
        const auto wait = engine.timeout().value_or(std::chrono::milliseconds(20));
        poll(&ready, 1, static_cast<int>(std::min<long>(wait.count(), 20)));
        engine.step();
    }
    return true;
}

/// Runs until every started transfer is finished; outcomes by tag.
inline std::map<std::uint64_t, http::Response> run_all(http::Engine &engine)
{
    std::map<std::uint64_t, http::Response> out;
    const auto take = [&] {
        std::uint64_t tag = 0;
        http::Response response;
        while (engine.finished(tag, response))
            out[tag] = std::move(response);
        return engine.running() == 0;
    };
    turn_until(engine, take);
    return out;
}

/// One call from start to end.
inline http::Response call(http::Engine &engine, http::Request request)
{
    engine.start(1, std::move(request));
    auto all = run_all(engine);
    return all.contains(1) ? std::move(all[1]) : http::Response{};
}

inline http::Request get(const std::string &url)
{
    http::Request request;
    request.url = url;
    return request;
}

inline http::Request post(const std::string &url, std::string body)
{
    http::Request request = get(url);
    request.method = "POST";
    request.body = std::move(body);
    request.content_type = "application/json";
    return request;
}

inline std::string header(const http::Response &response, std::string_view name)
{
    for (const auto &[own, value] : response.headers)
        if (own == name)
            return value;
    return "(none)";
}

} // namespace test
