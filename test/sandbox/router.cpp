/*
 * From a request to the service that answers it. Contracts stand in router.h.
 */
#include "router.h"

#include "text.h"

namespace sandbox
{

namespace
{

/* True for application/json with at most the parameter charset=utf-8. */
bool is_json_type(std::string_view header)
{
    std::string type;
    for (char c : to_lower(header))
        if (c != ' ' && c != '"')
            type += c;
    return type == "application/json" || type == "application/json;charset=utf-8";
}

Reply refusal(const Refused &reason)
{
    return json_reply(envelope(reason.status(), reason.what()), reason.status());
}

} // namespace

Credential bearer_credential(const std::string &name, const std::string &token)
{
    return {name, "Bearer " + token};
}

Credential basic_credential(const std::string &name, const std::string &user_password)
{
    return {name, "Basic " + to_base64(user_password)};
}

void Router::add(Service service)
{
    const std::string path = service.path;
    services_.emplace(path, std::move(service));
}

std::string Router::credential_of(const Request &request) const
{
    const std::string *given = request.header("authorization");
    for (const Credential &credential : credentials_)
        if (given && *given == credential.authorization)
            return credential.name;
    return "";
}

void Router::arrived(const Request &request) const
{
    const auto found = services_.find(request.path);
    if (found != services_.end() && found->second.arrived)
        found->second.arrived(request);
}

Reply Router::run(const Request &request, bool &acted) const
{
    acted = false;
    try {
        return checked_run(request, acted);
    } catch (const Refused &reason) {
        return refusal(reason);
    }
}

Reply Router::checked_run(const Request &request, bool &acted) const
{
    const auto found = services_.find(request.path);
    if (found == services_.end())
        throw Refused(404, "нет такого сервиса: " + request.path);
    const Service &service = found->second;
    if (!admits(request)) {
        Reply reply = refusal(Refused(401, "требуется авторизация"));
        reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"sandbox\"");
        reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"sandbox\"");
        return reply;
    }
    if (request.method != service.method) {
        Reply reply = refusal(Refused(405, "метод не поддерживается: " + request.method));
        reply.headers.emplace_back("Allow", service.method);
        return reply;
    }
    if (service.method == "POST") {
        const std::string *type = request.header("content-type");
        if (!type || !is_json_type(*type))
            throw Refused(415, "нужен Content-Type: application/json");
        if (!request.query.empty())
            throw Refused(400, "лишний параметр в адресе: " + request.query.front().first);
    } else if (!request.body.empty()) {
        throw Refused(400, "у запроса GET не должно быть тела");
    }
    Reply reply = service.run(request);
    acted = true;
    return reply;
}

} // namespace sandbox
