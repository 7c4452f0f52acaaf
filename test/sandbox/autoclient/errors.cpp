/*
 * The five families of error bodies. Contracts stand in errors.h.
 */
#include "errors.h"

#include <atomic>
#include <cstdio>

namespace sandbox::autoclient
{

namespace
{

std::atomic<unsigned> refusals{0};

/* A number of its own for each refusal, in one of the documented forms. */
std::string request_id(const char *form)
{
    char out[48];
    const unsigned number = ++refusals;
    std::snprintf(out, sizeof out, form, number & 0xFFFFU);
    return out;
}

[[noreturn]] void send(int status, const JsonObject &body, std::string_view type = "application/json")
{
    Reply reply = json_reply(body.str(), status);
    reply.content_type = type;
    throw RefusedWith(reply);
}

template <class Throw> Reply thrown(const Throw &refusing)
{
    try {
        refusing();
    } catch (const RefusedWith &refusal) {
        return refusal.reply();
    }
    return {};
}

} // namespace

void refuse(int status, std::string_view message, std::string_view service_code)
{
    JsonObject body;
    body.text("status", "ERROR").text("code", std::to_string(status)).text("message", message);
    body.text("requestId", request_id("20260302_120351_%04x"));
    if (!service_code.empty())
        body.text("serviceCode", service_code);
    send(status, body);
}

void refuse_edoc(int status, std::string_view code, std::string_view message, std::string_view descr,
                 const std::string &arguments, std::string_view info)
{
    JsonObject details;
    details.text("descr", descr).raw("arguments", arguments);
    if (!info.empty())
        details.text("additionalInfo", info);
    JsonObject body;
    body.text("status", "ERROR").text("code", code).text("message", message);
    body.text("requestId", request_id("ae16785e-3223-4e6b-8c21-259b7dc7%04x"));
    body.text("createTime", "2026-03-02 12:03:51.275").raw("details", details.str());
    send(status, body);
}

void refuse_edoc_parameter(const std::string &name, const std::string &why)
{
    refuse_edoc(400, "VE005", "Помилкові параметри: " + name, "Incorrect request parameters: {0}",
                JsonArray().text(name).str(), "'" + name + "' " + why);
}

void refuse_eo(std::string_view message)
{
    send(400, JsonObject().text("result", "error").text("error_message", message));
}

void refuse_salary(std::string_view system, std::string_view code,
                   std::initializer_list<std::string_view> arguments)
{
    JsonArray list;
    for (std::string_view argument : arguments)
        list.text(argument);
    JsonObject error;
    error.text("system", system).text("code", code).raw("args", list.str());
    error.text("ref", request_id("39278f1a-cdec-496d-947d-f70dcb84%04x"));
    send(400, JsonObject().text("status", "err").raw("error", error.str()));
}

void refuse_paysheets(std::string_view service_code, std::string_view message)
{
    JsonObject body;
    body.text("status", "ERROR")
        .text("code", "400")
        .text("message", message)
        .text("serviceCode", service_code);
    send(400, body, "application/json;charset=UTF-8");
}

Reply refusal_of(Family family, int status, const std::string &code, const std::string &message)
{
    const auto code_or = [&](const char *usual) { return code.empty() ? std::string(usual) : code; };
    Reply reply = thrown([&] {
        switch (family) {
        case Family::edoc:
            refuse_edoc(status, code_or("VE005"), message, message, "[]");
        case Family::eo:
            refuse_eo(message);
        case Family::salary:
            refuse_salary("isa", code_or("V_BAD_PARAM"), {message});
        case Family::paysheets:
            refuse_paysheets(code_or("PROCESS_UNEXPECTED_ERR"), message);
        default:
            refuse(status, message, code_or("PMTSRV0000"));
        }
    });
    reply.status = status;
    return reply;
}

Reply success_of(Family family)
{
    switch (family) {
    case Family::edoc:
        return json_reply(R"({"STATUS":"SUCCESS"})");
    case Family::eo:
        return json_reply(R"({"result":"success","documents":[]})");
    case Family::salary:
        return json_reply("{}");
    case Family::paysheets:
        return json_reply(R"({"status":"success"})");
    default:
        return json_reply(R"({"status":"SUCCESS"})");
    }
}

} // namespace sandbox::autoclient
