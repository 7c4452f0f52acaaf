/*
 * What every call of the Autoclient API passes first. Contracts stand in gate.h.
 */
#include "gate.h"

#include "../text.h"

#include <algorithm>
#include <set>

namespace sandbox::autoclient
{

namespace
{

struct MediaType {
    std::string type;
    std::optional<Charset> charset;
    std::string boundary;
};

std::string trimmed(std::string_view text)
{
    const std::size_t from = text.find_first_not_of(" \t\"");
    const std::size_t to = text.find_last_not_of(" \t\"");
    return from == std::string_view::npos ? "" : std::string(text.substr(from, to - from + 1));
}

MediaType media_type(std::string_view header)
{
    MediaType out;
    out.type = to_lower(trimmed(header.substr(0, header.find(';'))));
    while (header.find(';') != std::string_view::npos) {
        header.remove_prefix(header.find(';') + 1);
        const std::string_view parameter = header.substr(0, header.find(';'));
        const std::string name = to_lower(trimmed(parameter.substr(0, parameter.find('='))));
        const std::string value = parameter.find('=') == std::string_view::npos
                                      ? ""
                                      : trimmed(parameter.substr(parameter.find('=') + 1));
        if (name == "boundary")
            out.boundary = value;
        if (name != "charset")
            continue;
        out.charset = charset_named(value);
        if (!out.charset)
            refuse(400, "Unsupported charset: " + value);
    }
    return out;
}

std::string_view wanted_type(Body body)
{
    switch (body) {
    case Body::form:
        return "application/x-www-form-urlencoded";
    case Body::multipart:
        return "multipart/form-data";
    default:
        return "application/json";
    }
}

std::string header_or_empty(const Request &request, std::string_view name)
{
    const std::string *value = request.header(name);
    return value ? *value : "";
}

/* The client id of group mode and whether any id was given: query first, then the header. */
std::string group_id(const Model &model, const Request &request)
{
    const std::string &place = model.habits.group_id;
    std::string id;
    if (place != "header")
        id = parameter(request, "id").empty() ? parameter(request, "ID") : parameter(request, "id");
    return id.empty() && place != "query" ? header_or_empty(request, "id") : id;
}

std::uint32_t company_of(const Model &model, const Endpoint &endpoint, const Token &token,
                         const Request &request)
{
    if (token.company) {
        const std::string header = header_or_empty(request, "id");
        if (!parameter(request, "id").empty() || !parameter(request, "ID").empty() ||
            (token.app_id.empty() && !header.empty()))
            refuse(400, "Id in mode for companies should not be present");
        return *token.company;
    }
    const std::string id = group_id(model, request);
    if (id.empty() && !endpoint.needs_company)
        return 0;
    if (id.empty())
        refuse(400, "id is not be null");
    const std::optional<std::uint32_t> company = model.company(id);
    if (!company)
        refuse(400, "id is not in the group");
    return *company;
}

void check_token(const Token *token, const Endpoint &endpoint, const Request &request)
{
    if (!token || (!token->app_id.empty() && request.remembered.empty() &&
                   header_or_empty(request, "id") != token->app_id))
        refuse(401, "Unauthorized");
    if (!token->enabled)
        refuse(403, "The application is switched off");
    if (token->allowed && !endpoint.service.empty() &&
        !token->allowed->contains(std::string(endpoint.service)))
        refuse(403, "The service is not allowed for this application");
}

std::string decoded_body(const Request &request, const Endpoint &endpoint, Charset charset)
{
    if (endpoint.body == Body::none && !request.body.empty())
        refuse(400, "The request must not have a body");
    if (endpoint.body == Body::multipart || request.body.empty())
        return request.body;
    const std::optional<std::string> body = decoded(charset, request.body);
    if (!body)
        refuse(400, charset == Charset::utf8 ? "The body is not in utf8" : "The body is not in cp1251");
    return *body;
}

} // namespace

std::string parameter(const Request &request, std::string_view name)
{
    const std::string *value = request.parameter(name);
    return value ? *value : "";
}

void know_parameters(const Request &request, std::initializer_list<std::string_view> known)
{
    std::set<std::string_view> seen;
    for (const auto &[name, value] : request.query) {
        if (name != "id" && name != "ID" && std::find(known.begin(), known.end(), name) == known.end())
            refuse(400, "Unknown parameter " + name);
        if (!seen.insert(name).second)
            refuse(400, "Repeated parameter " + name);
    }
}

Charset charset_of(const Request &request)
{
    try {
        return media_type(header_or_empty(request, "content-type")).charset.value_or(Charset::cp1251);
    } catch (const Refused &) {
        return Charset::cp1251;
    }
}

const Token *token_of(const Model &model, const Request &request)
{
    const std::string given = header_or_empty(request, "token");
    for (const Token &token : model.tokens)
        if (request.remembered.empty() ? token.secret == given : token.name == request.remembered)
            return &token;
    return nullptr;
}

Caller admit(const Model &model, const Endpoint &endpoint, const Request &request)
{
    const bool health_probe = request.method == "HEAD" && endpoint.method == "GET";
    if (request.method != endpoint.method && !health_probe)
        refuse(405, "Method not allowed: " + request.method);
    for (const char *name : {"user-agent", "token", "content-type"})
        if (header_or_empty(request, name).empty())
            refuse(400, std::string("Header ") + name + " is absent");
    const MediaType media = media_type(header_or_empty(request, "content-type"));
    if (media.type != wanted_type(endpoint.body) && endpoint.family == Family::edoc)
        refuse_edoc(415, "VE005", "Непідтримуваний тип запиту", "Unsupported media type: {0}",
                    JsonArray().text(media.type).str());
    if (media.type != wanted_type(endpoint.body))
        refuse(400, "Unsupported content type: " + media.type);
    Caller caller;
    caller.token = token_of(model, request);
    check_token(caller.token, endpoint, request);
    caller.company = company_of(model, endpoint, *caller.token, request);
    caller.charset = media.charset.value_or(Charset::cp1251);
    caller.boundary = media.boundary;
    caller.body = decoded_body(request, endpoint, caller.charset);
    return caller;
}

} // namespace sandbox::autoclient
