// The families of PrivatBank's Autoclient: statements, everything else that answers with JSON, and files; see
// read.hpp for what each accepts. One "no" has five shapes (wire/autoclient.md section 1.5); all of them are
// recognised under every family, because the gateway answers for the services behind it.
#include "http/charset.hpp"
#include "reply/family.hpp"

#include <utility>

namespace reply
{
namespace
{

bool is_string(std::string_view value)
{
    return value.starts_with('"');
}

/// What a scalar says, strings decoded; empty for null, arrays and objects.
std::string words(std::string_view value)
{
    if (is_string(value))
        return decode_string(value);
    const bool scalar = !value.empty() && value != "null" && value[0] != '{' && value[0] != '[';
    return scalar ? std::string(value) : std::string();
}

std::string lower(std::string text)
{
    for (char &c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::string member(const Document &document, std::string_view name)
{
    return words(document.find(name));
}

std::string joined(std::string first, const std::string &second, const char *between)
{
    if (!first.empty() && !second.empty())
        first += between;
    return first + second;
}

/// A "no" of one of the five shapes.
struct Refusal {
    bool found{false};
    bool by_service{false}; ///< the code is a service's own, not the HTTP status again
    std::string code;
    std::string text;
};

/// Salary project: {"status":"err","error":{"system","code","args","ref"}} (section 8.5).
void read_salary(std::string_view error, Refusal &refusal)
{
    const Document inner = scan(error);
    refusal.code = joined(member(inner, "system"), member(inner, "code"), ":");
    std::string args;
    if (const std::string_view list = inner.find("args"); list.starts_with('['))
        for (const std::string_view one : scan(list).elements)
            args = joined(std::move(args), words(one), ", ");
    const std::string ref = member(inner, "ref");
    refusal.text = joined(refusal.code, args, ": ");
    refusal.text = joined(std::move(refusal.text), ref.empty() ? "" : "ref " + ref, ", ");
}

/// Electronic documents: what the message leaves out stands in details (section 6.1).
void read_details(std::string_view details, Refusal &refusal)
{
    const Document inner = scan(details);
    refusal.text = joined(std::move(refusal.text), member(inner, "descr"), "; ");
    refusal.text = joined(std::move(refusal.text), member(inner, "additionalInfo"), "; ");
}

Refusal refusal_of(const Document &document, int status)
{
    Refusal refusal;
    const std::string word = lower(joined(member(document, "status"), member(document, "STATUS"), " "));
    const std::string_view error = document.find("error");
    if (word == "err" && error.starts_with('{')) {
        read_salary(error, refusal);
        refusal.found = refusal.by_service = true;
    } else if (lower(member(document, "result")) == "error") {
        refusal.found = refusal.by_service = true;
        refusal.code = "error";
        refusal.text = member(document, "error_message");
    } else if (word == "error" || word == "err") {
        const std::string service = member(document, "serviceCode"), code = member(document, "code");
        refusal.found = true;
        refusal.code = service.empty() ? code : service;
        refusal.by_service = !refusal.code.empty() && refusal.code != std::to_string(status);
        refusal.text = joined(member(document, "message"), words(error), "; ");
        if (const std::string_view details = document.find("details"); details.starts_with('{'))
            read_details(details, refusal);
    }
    return refusal;
}

Reply refused(const Refusal &refusal, const std::string &json)
{
    Reply reply;
    reply.verdict = Verdict::refused;
    reply.code = refusal.code.empty() ? "ERROR" : refusal.code;
    reply.text = refusal.text.empty() ? "refused with code " + reply.code + " and no text" : refusal.text;
    reply.json = json;
    return reply;
}

/// Whether a "no" is the bank's last word. 408 and 425 say that nothing was worked on; a 403 or 5xx whose
/// code only repeats the HTTP status speaks of the token or the gateway, with another code it is a service's
/// refusal (a document of somebody else, section 6.1).
bool is_final(const Input &input, const Refusal &refusal)
{
    if (!refusal.found)
        return false;
    if (input.status == 403 || input.status >= 500)
        return refusal.by_service;
    return input.meaning != StatusClass::transient;
}

using Finish = Reply (*)(const Input &, Text &);

Reply read_document(const Input &input, Finish finish)
{
    try {
        Text reply(input, Tolerance::none);
        const Refusal refusal = refusal_of(reply.document, input.status);
        if (is_final(input, refusal))
            return refused(refusal, reply.text);
        if (input.meaning != StatusClass::success)
            return without_answer(input, "");
        return finish(input, reply);
    } catch (const http::BadText &error) {
        return without_answer(input, std::string("the reply is not text: ") + error.what());
    } catch (const BadJson &error) {
        return without_answer(input, std::string("the reply is not JSON: ") + error.what());
    }
}

Reply accept(const Input &, Text &reply)
{
    Reply good;
    good.verdict = Verdict::ok;
    good.json = std::move(reply.text);
    return good;
}

/// Section 1.5: "HTTP 200 with status other than SUCCESS must be treated as an error".
Reply accept_statement(const Input &input, Text &reply)
{
    const std::string status = member(reply.document, "status");
    if (status.empty())
        return without_answer(input, "the reply has no status");
    if (lower(status) == "success")
        return accept(input, reply);
    Refusal refusal;
    refusal.code = joined(member(reply.document, "code"), status, " ");
    refusal.text = joined(member(reply.document, "message"), member(reply.document, "error"), "; ");
    return refused(refusal, reply.text);
}

/// Without a charset of its own, "application/octet-stream" where the bank names no type.
std::string media_type(std::string_view content_type)
{
    std::string type(content_type.substr(0, content_type.find(';')));
    while (type.ends_with(' '))
        type.pop_back();
    return type.empty() ? "application/octet-stream" : type;
}

} // namespace

Reply read_autoclient(const Input &input)
{
    if (input.status == 204) { // payment/delete, section 5.5
        Reply reply;
        reply.verdict = Verdict::ok;
        reply.absent = true;
        return reply;
    }
    return read_document(input, &accept);
}

Reply read_autoclient_statement(const Input &input)
{
    return read_document(input, &accept_statement);
}

Reply read_autoclient_file(const Input &input)
{
    const bool json = lower(std::string(input.content_type)).find("json") != std::string::npos;
    if (input.status != 200 || json)
        return read_document(input, [](const Input &in, Text &) {
            return without_answer(in, "the reply is JSON where a file was asked for");
        });
    if (input.body.empty())
        return without_answer(input, "the reply is an empty file");
    try { // a refusal may come under any content type
        const Text text(input, Tolerance::none);
        const Refusal refusal = refusal_of(text.document, input.status);
        if (refusal.found)
            return refused(refusal, text.text);
    } catch (const std::runtime_error &) { // what is no JSON is the file
    }
    Reply reply;
    reply.verdict = Verdict::ok;
    reply.mime = media_type(input.content_type);
    return reply;
}

} // namespace reply
