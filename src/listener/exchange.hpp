// One request and its reply, from the first header to the last byte sent. Plain C++; owned by the connection.
#pragma once

#include "listener/message.hpp"
#include "listener/network.hpp"
#include "listener/secret.hpp"

#include <chrono>
#include <microhttpd.h>
#include <optional>

namespace listener
{

using Clock = std::chrono::steady_clock;

// Who may call, as k2bridge.api_client says.
struct Client {
    std::string name, role;
    Digest secret;
    std::optional<std::vector<std::string>> services; // absent: all
    std::optional<std::vector<Network>> networks;     // absent: any
};

// What may be called, as k2bridge.service says.
struct Service {
    std::string name;
    std::string function; // quoted and qualified; empty: there is no such function(jsonb) returning jsonb
    int timeout = 0;      // ms
    bool alone = false;
};

enum class Route { unknown, service, health, file, upload, status, metrics, openapi };

// What a function of the database writes for people and monitoring.
inline bool is_page(Route route)
{
    return route == Route::status || route == Route::metrics || route == Route::openapi;
}

enum class Stage {
    fresh,      // its header is not yet read
    held,       // suspended before its body: login failed, answered later
    judged,     // on its way on; the library asks once more before it reads the body
    reading,    // admitted, its body arrives
    discarding, // refused, its body is thrown away
    queued,     // complete, suspended until its reply is known
    answered
};

struct Exchange {
    MHD_Connection *connection = nullptr;
    std::string target, method, path, content_type, authorization, encoding, known_tag;
    std::vector<std::pair<std::string, std::string>> query;
    Address caller;
    Route route = Route::unknown;
    Stage stage = Stage::fresh;
    Uuid correlation{};
    std::string story; // correlation as text
    std::shared_ptr<const Client> client;
    std::shared_ptr<const Service> service;
    std::string body;
    size_t expected = 0;            // Content-Length; 0: none given
    bool last = false;              // we close the connection after it
    bool parting = false;           // the client wants it closed
    std::optional<Message> refused; // decided before the body was complete
    Clock::time_point held_until{};
    Clock::time_point complete{};
    std::chrono::system_clock::time_point received{};

    const std::string *parameter(std::string_view name) const
    {
        for (const auto &[key, value] : query)
            if (key == name)
                return &value;
        return nullptr;
    }
};

} // namespace listener
