// Fuzzes one reply family, named by FAMILY when it is compiled. The input is the body; a last byte below 0x10
// chooses status and content type, anything else means 200 and application/json. jansson is the second
// opinion on JSON.
#include "http/charset.hpp"
#include "reply/json_text.hpp"
#include "reply/read.hpp"

#include "property.hpp"

#include <jansson.h>

#include <array>
#include <string>

namespace
{

struct Choice {
    int status;
    const char *content_type;
};

constexpr std::array<Choice, 16> choices{{{200, "application/json"},
                                          {200, "application/json;charset=utf-8"},
                                          {200, "application/json;charset=windows-1251"},
                                          {200, "text/html; charset=koi8-r"},
                                          {404, "application/json"},
                                          {502, "text/html"},
                                          {500, "application/json"},
                                          {429, ""},
                                          {401, ""},
                                          {408, "application/json"},
                                          {204, ""},
                                          {302, "text/html"},
                                          {206, "application/pdf"},
                                          {400, "application/json"},
                                          {0, ""},
                                          {999, "charset=utf8"}}};

/// Whether jansson reads a text; `beyond` when it only fails on numbers above double's range.
bool jansson_reads(std::string_view text, bool &beyond)
{
    json_error_t error;
    json_t *value = json_loadb(text.data(), text.size(), JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
    beyond = value == nullptr && json_error_code(&error) == json_error_numeric_overflow;
    json_decref(value);
    return value != nullptr;
}

void check_list(const std::string &json)
{
    const reply::Document document = reply::scan(json);
    fuzz::promise(document.members.size() == 2 && document.find("items").starts_with('['),
                  "a list has its form");
    for (const std::string_view item : reply::scan(document.find("items")).elements)
        fuzz::promise(item.starts_with('{') && !reply::scan(item).members.empty(),
                      "items are filled objects");
}

std::string lower(const char *text)
{
    std::string out(text == nullptr ? "" : text);
    for (char &c : out)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

/// A "no" in the words of jansson (wire/autoclient.md 1.5); a document that names a key twice says nothing.
bool says_no(const std::string &json, bool &success)
{
    json_t *value = json_loadb(json.data(), json.size(), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, nullptr);
    const std::string status = lower(json_string_value(json_object_get(value, "status")));
    const std::string upper = lower(json_string_value(json_object_get(value, "STATUS")));
    const std::string result = lower(json_string_value(json_object_get(value, "result")));
    success = value == nullptr || status == "success";
    const bool no = (upper.empty() && (status == "error" || status == "err")) ||
                    (status.empty() && (upper == "error" || upper == "err")) || result == "error";
    json_decref(value);
    return no;
}

/// Nothing that says no is taken for a yes.
void check_autoclient(const reply::Reply &reply, std::string_view family)
{
    bool success = false;
    if (reply.verdict != reply::Verdict::ok || reply.json.empty())
        return;
    fuzz::promise(family != "autoclient_file", "a file is no JSON");
    fuzz::promise(!says_no(reply.json, success), "a refusal is no success");
    fuzz::promise(family != "autoclient_statement" || success, "a statement says SUCCESS");
}

void check_reply(const reply::Reply &reply, std::string_view family)
{
    using reply::Verdict;
    fuzz::promise(http::invalid_utf8(reply.text) == std::string::npos, "the text is UTF-8");
    fuzz::promise(http::invalid_utf8(reply.code) == std::string::npos, "the code is UTF-8");
    bool beyond = false;
    if (!reply.json.empty())
        fuzz::promise(jansson_reads(reply.json, beyond) || beyond, "the JSON is JSON");
    if (reply.verdict == Verdict::refused)
        fuzz::promise(!reply.code.empty() && !reply.text.empty(), "a refusal has code and text");
    if (reply.verdict != Verdict::ok)
        fuzz::promise(!reply.text.empty(), "whatever is not ok says why");
    if (reply.verdict == Verdict::ok && family == "abs_list")
        check_list(reply.json);
    if (family.starts_with("autoclient"))
        check_autoclient(reply, family);
}

/// What jansson accepts is accepted, but for what jsonb cannot hold.
void compare(std::string_view body)
{
    std::string text;
    try {
        text = http::to_utf8(body, "");
    } catch (const http::BadText &) {
        return;
    }
    if (text.find('\0') != std::string::npos)
        return; // jansson takes a NUL after the document for its end
    bool beyond = false;
    const bool theirs = jansson_reads(text, beyond);
    try {
        reply::scan(text);
        fuzz::promise(theirs || beyond, "what we accept jansson accepts");
    } catch (const reply::BadJson &error) {
        const std::string why = error.what();
        const bool known =
            why.find("nested deeper") != std::string::npos || why.find("range of") != std::string::npos;
        fuzz::promise(!theirs || known, "what jansson accepts we accept");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const bool chosen = size > 0 && data[size - 1] < choices.size();
    const Choice &choice = choices[chosen ? data[size - 1] : 0];
    const fuzz::Block block(data, chosen ? size - 1 : size);
    const std::string_view family = FAMILY;
    check_reply(reply::read(family, choice.status, choice.content_type, block.view()), family);
    if (family == "json")
        compare(block.view());
    return 0;
}
