// The endpoint catalogue as C++ sees it: one struct per row of k2bridge.endpoint.
//
// Include before pg/*.hpp. Not cached: a caller that sends thousands of calls keeps what it loaded for a
// batch.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace outbox
{

struct Endpoint {
    enum class Body { none, json, form, multipart };
    enum class Keep { always, not_ok, never };

    std::string name;        // "abs.get_cli"
    std::string server_type; // abs, autoclient, http
    std::string method;      // GET, POST, PUT, DELETE
    std::string url_option;  // server option with the whole address, or empty
    std::string path;        // else the path under base_url, with {argument} placeholders
    Body body{Body::none};
    std::string reply_family;
    bool at_most_once{false};
    int priority{50};
    std::string handler, builder, verify;             // schema-qualified names of functions, empty: none
    std::optional<std::chrono::milliseconds> timeout; // of one attempt; empty: the server's
    std::optional<std::chrono::milliseconds> give_up_after; // empty: never
    Keep keep_reply{Keep::not_ok};
    bool coalesces{false};
    bool enabled{true};
    uint32_t version{0}; // what wrote the row last (its xmin): another one means that it has changed

    // The server option this endpoint cannot do without: url_option or "base_url".
    const std::string &needed_option() const;
};

// Reads one row (or all, ordered by name) as the owner of the tables, by SPI: needs a transaction. pg::Error
// 22023 when there is no such endpoint.
Endpoint load_endpoint(const std::string &name);
std::vector<Endpoint> load_endpoints();

} // namespace outbox
