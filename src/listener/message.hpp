// A reply of the listener and the refusals it makes by itself (design section 5): status, JSON body, headers.
//
// Texts are Russian like the wire document's. Every refusal is {"error_code", "error_text", "correlation"}.
#pragma once

#include "http/core_only.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace listener
{

// A body that is fetched piece by piece while it is sent.
struct Stream;

struct Message {
    int status = 200;
    std::string body;
    std::string code; // error_code of a service's answer; empty where there is none
    std::string content_type = "application/json; charset=utf-8";
    std::vector<std::pair<std::string, std::string>> headers;
    std::shared_ptr<Stream> stream; // instead of body
};

// The standard refusal of this status; `text` replaces the usual words.
Message refusal(int status, const std::string &correlation, std::string text = {});

// Calls add(name, value) for every header of a reply, whoever writes it, but those of length and connection.
template <typename Add> void each_header(const Message &message, const std::string &correlation, Add add)
{
    if (!message.content_type.empty())
        add("Content-Type", message.content_type);
    add("X-Correlation-Id", correlation);
    add("X-Content-Type-Options", "nosniff");
    for (const auto &[name, value] : message.headers)
        add(name.c_str(), value);
}

// The whole HTTP message of a reply after which the connection closes, for where it is written by ourselves.
std::string last_reply(const Message &message, const std::string &correlation);

std::string json_text(std::string_view text); // quoted and escaped

} // namespace listener
