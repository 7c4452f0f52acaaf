/*
 * From a request to the service that answers it. Contracts stand in router.h.
 */
#include "router.h"

#include "text.h"

#include <algorithm>

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

/* True when `path` has the segments of `pattern`. */
bool matches(std::string_view pattern, std::string_view path)
{
    while (!pattern.empty() && !path.empty()) {
        const std::string_view wanted = pattern.substr(0, pattern.find('/'));
        const std::string_view given = path.substr(0, path.find('/'));
        if (wanted == "*")
            return true;
        if (wanted != given && (wanted != "{}" || given.empty()))
            return false;
        pattern.remove_prefix(std::min(pattern.size(), wanted.size() + 1));
        path.remove_prefix(std::min(path.size(), given.size() + 1));
    }
    return pattern.empty() && path.empty();
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
    if (path.find("{}") != std::string::npos || path.ends_with("*"))
        patterns_.push_back(std::move(service));
    else
        services_.emplace(path, std::move(service));
}

const Service *Router::find(std::string_view path) const
{
    const auto exact = services_.find(path);
    if (exact != services_.end())
        return &exact->second;
    for (const Service &each : patterns_)
        if (matches(each.path, path))
            return &each;
    return nullptr;
}

std::string Router::credential_of(const Request &request) const
{
    const Service *service = find(request.path);
    if (service && service->own_credential)
        return service->own_credential(request);
    const std::string *given = request.header("authorization");
    for (const Credential &credential : credentials_)
        if (given && *given == credential.authorization)
            return credential.name;
    return "";
}

bool Router::admits(const Request &request) const
{
    const Service *service = find(request.path);
    if (credentials_.empty() && (!service || !service->own_credential))
        return true;
    return !credential_of(request).empty();
}

void Router::arrived(const Request &request) const
{
    const Service *service = find(request.path);
    if (service && service->arrived)
        service->arrived(request);
}

Reply Router::stand_in(const Request &request, const StandIn &wanted) const
{
    const Service *service = find(request.path);
    if (service && service->own_stand_in)
        return service->own_stand_in(request, wanted);
    return wanted.refusal ? business_reply(wanted.error_code, wanted.text) : business_reply();
}

Reply Router::run(const Request &request, bool &acted) const
{
    acted = false;
    try {
        return checked_run(request, acted);
    } catch (const RefusedWith &reason) {
        return reason.reply();
    } catch (const Refused &reason) {
        return refusal(reason);
    }
}

Reply Router::checked_run(const Request &request, bool &acted) const
{
    const Service *found = find(request.path);
    if (!found)
        throw Refused(404, "нет такого сервиса: " + request.path);
    const Service &service = *found;
    if (service.own_credential) {
        Reply reply = service.run(request);
        acted = true;
        return reply;
    }
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
