/*
 * What travels between the HTTP server of the sandbox bank and its services: one request, one reply.
 *
 * Promises: plain values, no library types; a request is complete (whole body) before a service sees it.
 */
#pragma once

#include "json_text.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox
{

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;
    std::string path;
    std::string query_text; // as received, without the question mark
    Pairs query;            // decoded, in order, repeats kept
    Pairs headers;          // names in lower case
    std::string body;
    std::uint64_t connection = 0; // number of the TCP connection, from 1
    unsigned nth = 1;             // which request of its connection this is, from 1
    std::string remembered;       // name of its credential, only when it is taken over from the journal

    /* The first header or query parameter of that name, or nullptr. */
    const std::string *header(std::string_view name) const;
    const std::string *parameter(std::string_view name) const;
};

struct Reply {
    int status = 200;
    std::string content_type = "application/json; charset=utf-8";
    Pairs headers;
    std::string body;
};

/* A request the bank does not understand or allow: HTTP status 4xx with an envelope that says why. */
class Refused : public std::runtime_error
{
public:
    Refused(int status, const std::string &text) : std::runtime_error(text), status_(status) {}
    int status() const { return status_; }

private:
    int status_;
};

/* A request refused with a reply of its own instead of the envelope. */
class RefusedWith : public Refused
{
public:
    explicit RefusedWith(Reply reply) : Refused(reply.status, reply.body), reply_(std::move(reply)) {}
    const Reply &reply() const { return reply_; }

private:
    Reply reply_;
};

/* HTTP 200 with an envelope: code 0 and no text is success, anything else a business refusal. */
Reply business_reply(std::int64_t code = 0, std::string_view text = "");

Reply json_reply(std::string body, int status = 200);

/* The JSON object in the body; throws Refused 400 when there is none. `request` has to outlive it. */
Value json_body(const Request &request);

} // namespace sandbox
