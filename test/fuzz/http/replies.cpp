// See replies.hpp.
#include "replies.hpp"

#include "json.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <stdexcept>

namespace fuzz
{

namespace
{

constexpr int known_statuses[] = {200, 304, 400, 401, 403, 404, 405, 408, 413, 414, 415, 431, 501, 503, 505};
constexpr std::string_view beginning = "HTTP/1.1 ", json_type = "\r\nContent-Type: application/json";

bool is_refusal(const Reply &reply)
{
    return reply.status >= 400;
}

// From here on there is a reply, or nothing.
bool begins(const std::string &stream, std::size_t at)
{
    return at == stream.size() || stream.compare(at, beginning.size(), beginning) == 0;
}

bool is_json(const std::string &text)
{
    try {
        parse(text);
        return true;
    } catch (const std::runtime_error &) {
        return false;
    }
}

} // namespace

std::vector<Reply> split(const std::string &stream)
{
    std::vector<Reply> replies;
    for (std::size_t at = 0; at < stream.size();) {
        const std::size_t end = stream.find("\r\n\r\n", at);
        if (!begins(stream, at) || end == std::string::npos) {
            replies.push_back({0, stream.substr(at), {}});
            break;
        }
        Reply reply{std::atoi(stream.c_str() + at + beginning.size()), stream.substr(at, end + 2 - at), {}};
        at = end + 4;
        const long length = length_in(reply.head);
        const bool to_head = length > 0 && begins(stream, at);
        if (length > 0 && !to_head && reply.status != 304)
            reply.body = stream.substr(at, static_cast<std::size_t>(length));
        at += reply.body.size();
        if (reply.status != 100)
            replies.push_back(std::move(reply));
    }
    return replies;
}

std::optional<std::string> flaw_of(const Reply &reply)
{
    if (std::find(std::begin(known_statuses), std::end(known_statuses), reply.status) ==
        std::end(known_statuses))
        return "status " + std::to_string(reply.status);
    if (reply.head.find("\r\nX-Correlation-Id: ") == std::string::npos)
        return "a reply without correlation";
    if (!is_refusal(reply))
        return std::nullopt;
    if (reply.head.find(json_type) == std::string::npos)
        return "a refusal that is no JSON by its type";
    if (!reply.body.empty() &&
        (length_in(reply.head) != static_cast<long>(reply.body.size()) || !is_json(reply.body)))
        return "a refusal that is no JSON";
    return std::nullopt;
}

} // namespace fuzz
