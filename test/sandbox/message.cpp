/*
 * Requests and replies of the sandbox bank. Contracts stand in message.h.
 */
#include "message.h"

#include "text.h"

namespace sandbox
{

namespace
{

const std::string *first(const Pairs &pairs, std::string_view name)
{
    for (const auto &[key, value] : pairs)
        if (key == name)
            return &value;
    return nullptr;
}

} // namespace

const std::string *Request::header(std::string_view name) const
{
    return first(headers, name);
}

const std::string *Request::parameter(std::string_view name) const
{
    return first(query, name);
}

Reply business_reply(std::int64_t code, std::string_view text)
{
    return json_reply(envelope(code, text));
}

Reply json_reply(std::string body, int status)
{
    Reply reply;
    reply.status = status;
    reply.body = std::move(body);
    return reply;
}

Value json_body(const Request &request)
{
    if (!is_utf8(request.body))
        throw Refused(400, "тело запроса не в UTF-8");
    try {
        Value value = parse_json(request.body);
        if (!value.is(Value::Type::object))
            throw Refused(400, "тело запроса должно быть объектом JSON");
        return value;
    } catch (const JsonError &error) {
        throw Refused(400, std::string("тело запроса не JSON: ") + error.what());
    }
}

} // namespace sandbox
