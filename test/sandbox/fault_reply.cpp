/*
 * Replies under faults that are still whole HTTP replies. Contracts stand in fault_reply.h.
 */
#include "fault_reply.h"

#include "text.h"

namespace sandbox
{

namespace
{

constexpr std::string_view html_page =
    "<html>\r\n<head><title>Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>Service "
    "Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

Reply status_reply(const FaultRule &rule)
{
    Reply reply;
    reply.status = rule.status != 0 ? rule.status : 503;
    reply.body = rule.body ? *rule.body : std::string(html_page);
    reply.content_type = rule.body ? "application/json" : "text/html";
    if (reply.status == 401)
        reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"sandbox\"");
    return reply;
}

Reply redirect_reply(const FaultRule &rule)
{
    Reply reply;
    reply.status = rule.status != 0 ? rule.status : 302;
    reply.content_type = "text/html";
    reply.body = "<html><body>Moved</body></html>\r\n";
    reply.headers.emplace_back("Location", rule.location);
    return reply;
}

Reply charset_reply(const FaultRule &rule, Reply reply)
{
    reply.body = to_windows_1251(reply.body);
    reply.content_type = rule.label == "right"  ? "application/json; charset=windows-1251"
                         : rule.label == "none" ? "application/json"
                                                : "application/json; charset=utf-8";
    return reply;
}

/* Sets the string member `field` of a JSON object text to the raw bytes `content`, adding it when missing. */
void set_member(std::string &body, const std::string &field, std::string_view content)
{
    const std::string start = json_string(field) + ":\"";
    const std::size_t at = body.find(start);
    if (at == std::string::npos) {
        const std::size_t brace = body.find('{');
        if (brace != std::string::npos)
            body.insert(brace + 1, start + std::string(content) + "\",");
        return;
    }
    const std::size_t from = at + start.size();
    std::size_t to = from;
    while (body[to] != '"')
        to += body[to] == '\\' ? 2 : 1;
    body.replace(from, to - from, content);
}

Reply bad_text_reply(const FaultRule &rule, Reply reply)
{
    if (rule.what == "nul")
        set_member(reply.body, rule.field, "a\\u0000b");
    else if (rule.what == "raw_nul")
        set_member(reply.body, rule.field, std::string_view("a\0b", 3));
    else if (rule.what == "invalid_utf8")
        set_member(reply.body, rule.field, "a\xC3\x28\xFFz");
    else if (rule.what == "lone_surrogate")
        set_member(reply.body, rule.field, "a\\ud800b");
    else if (rule.what == "byte_order_mark")
        reply.body.insert(0, "\xEF\xBB\xBF");
    else if (const std::size_t brace = reply.body.find('{'); brace != std::string::npos)
        reply.body.insert(brace + 1, reply.body.find("\"error_code\"") == std::string::npos
                                         ? "\"status\":\"ERROR\",\"message\":\"first value\","
                                         : "\"error_code\":13,\"error_text\":\"первое значение\",");
    return reply;
}

} // namespace

Reply shape_reply(const FaultRule &rule, const Reply &usual)
{
    Reply reply = usual;
    if (rule.kind == FaultKind::status)
        reply = status_reply(rule);
    else if (rule.kind == FaultKind::redirect)
        reply = redirect_reply(rule);
    else if (rule.body)
        reply.body = *rule.body;
    if (rule.status != 0)
        reply.status = rule.status;
    if (rule.kind == FaultKind::charset)
        reply = charset_reply(rule, std::move(reply));
    else if (rule.kind == FaultKind::bad_text)
        reply = bad_text_reply(rule, std::move(reply));
    if (!rule.content_type.empty())
        reply.content_type = rule.content_type;
    reply.headers.insert(reply.headers.end(), rule.headers.begin(), rule.headers.end());
    return reply;
}

std::string wire_text(const Reply &reply)
{
    std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " Status\r\n";
    out += "Content-Type: " + reply.content_type + "\r\n";
    for (const auto &[name, value] : reply.headers)
        out += name + ": " + value + "\r\n";
    return out + "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body;
}

} // namespace sandbox
