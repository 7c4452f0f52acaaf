/*
 * What every call of the Autoclient API passes first: method, mandatory headers, token, group id, charset.
 *
 * Promises: a request that fails is refused with the HTTP status and the error body of its family before
 * its service sees it; the body a service gets is UTF-8. Source: autoclient.md sections 1.2 to 1.5 and 3.
 */
#pragma once

#include "charset.h"
#include "errors.h"
#include "model.h"

#include "../message.h"

#include <initializer_list>
#include <string>
#include <string_view>

namespace sandbox::autoclient
{

/* What a call may carry as its body. */
enum class Body { none, json, form, multipart };

struct Endpoint {
    std::string_view path;
    std::string_view method;
    std::string_view service; // group of the token's restrictions, "" when they do not apply
    Family family = Family::gateway;
    Body body = Body::none;
    bool needs_company = true; // group mode: an id is needed
};

struct Caller {
    const Token *token = nullptr;
    std::uint32_t company = 0;
    Charset charset = Charset::cp1251;
    std::string boundary; // of a multipart body
    std::string body;     // in UTF-8; multipart as received
};

/* Checks the request. Throws RefusedWith. */
Caller admit(const Model &model, const Endpoint &endpoint, const Request &request);

/* The charset a request asks its reply in, whatever else is wrong with it. */
Charset charset_of(const Request &request);

/* The token a request carries, or nullptr. */
const Token *token_of(const Model &model, const Request &request);

/* Checks that nothing but `known` stands in the query, each once, beside the id of group mode. */
void know_parameters(const Request &request, std::initializer_list<std::string_view> known);

/* A query parameter, "" when it is missing. */
std::string parameter(const Request &request, std::string_view name);

} // namespace sandbox::autoclient
