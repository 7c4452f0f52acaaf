/*
 * Reads one fault rule from JSON: which members there are, what they default to, which kinds there are.
 * An unknown member or kind is refused, so that a misspelt rule never passes for a rule without effect.
 */
#include "faults.h"

#include "text.h"

#include <functional>
#include <map>

namespace sandbox
{

namespace
{

struct KindName {
    FaultKind kind;
    Processing processing;
};

const std::map<std::string, KindName, std::less<>> kinds = {
    {"pass", {FaultKind::pass, Processing::at_answer}},
    {"latency", {FaultKind::latency, Processing::at_answer}},
    {"status", {FaultKind::status, Processing::never}},
    {"refusal", {FaultKind::refusal, Processing::never}},
    {"redirect", {FaultKind::redirect, Processing::never}},
    {"reset_before", {FaultKind::reset, Processing::never}},
    {"reset_after", {FaultKind::reset, Processing::at_arrival}},
    {"close_before", {FaultKind::close, Processing::never}},
    {"close_after", {FaultKind::close, Processing::at_arrival}},
    {"hang", {FaultKind::hang, Processing::never}},
    {"truncate", {FaultKind::truncate, Processing::at_answer}},
    {"garbage", {FaultKind::garbage, Processing::at_answer}},
    {"endless_body", {FaultKind::endless_body, Processing::at_answer}},
    {"endless_headers", {FaultKind::endless_headers, Processing::at_answer}},
    {"huge", {FaultKind::huge, Processing::at_answer}},
    {"charset", {FaultKind::charset, Processing::at_answer}},
    {"bad_text", {FaultKind::bad_text, Processing::at_answer}},
    {"drip", {FaultKind::drip, Processing::at_answer}},
};

const std::map<std::string, Processing, std::less<>> processings = {
    {"never", Processing::never},
    {"arrival", Processing::at_arrival},
    {"answer", Processing::at_answer},
};

[[noreturn]] void refuse(std::string_view member, std::string_view why)
{
    throw Refused(400, "fault rule: " + std::string(member) + " " + std::string(why));
}

std::string string_of(std::string_view member, const Value &value)
{
    if (!value.is(Value::Type::string))
        refuse(member, "must be a string");
    return value.text;
}

std::string one_of(std::string_view member, const Value &value, const std::vector<std::string> &allowed)
{
    const std::string text = string_of(member, value);
    std::string list;
    for (const std::string &choice : allowed) {
        if (choice == text)
            return text;
        list += " " + choice;
    }
    refuse(member, "must be one of" + list);
}

std::uint64_t count_of(std::string_view member, const Value &value)
{
    if (!value.is(Value::Type::number) || !is_integer(value.text) || value.text.starts_with('-') ||
        value.text.size() > 15)
        refuse(member, "must be a whole number, 0 or more");
    return std::stoull(value.text);
}

bool flag_of(std::string_view member, const Value &value)
{
    if (!value.is(Value::Type::boolean))
        refuse(member, "must be true or false");
    return value.flag;
}

double probability_of(std::string_view member, const Value &value)
{
    const double number = value.is(Value::Type::number) ? std::stod(value.text) : -1;
    if (number < 0 || number > 1)
        refuse(member, "must be a number from 0 to 1");
    return number;
}

int status_of(std::string_view member, const Value &value)
{
    const std::uint64_t number = count_of(member, value);
    if (number < 200 || number > 599)
        refuse(member, "must be an HTTP status from 200 to 599");
    return static_cast<int>(number);
}

Pairs headers_of(std::string_view member, const Value &value)
{
    if (!value.is(Value::Type::object))
        refuse(member, "must be an object of strings");
    Pairs headers;
    for (const auto &[name, content] : value.members)
        headers.emplace_back(name, string_of(member, content));
    return headers;
}

std::string bytes_of(std::string_view member, const Value &value)
{
    const std::optional<std::string> bytes = from_base64(string_of(member, value));
    if (!bytes)
        refuse(member, "must be base64");
    return *bytes;
}

using Reader = std::function<void(FaultRule &, std::string_view, const Value &)>;

const std::map<std::string, Reader, std::less<>> readers = {
    {"kind", [](FaultRule &, std::string_view, const Value &) {}},
    {"process", [](FaultRule &, std::string_view, const Value &) {}},
    {"name", [](FaultRule &r, std::string_view m, const Value &v) { r.name = string_of(m, v); }},
    {"path", [](FaultRule &r, std::string_view m, const Value &v) { r.path = string_of(m, v); }},
    {"contains", [](FaultRule &r, std::string_view m, const Value &v) { r.contains = string_of(m, v); }},
    {"method", [](FaultRule &r, std::string_view m, const Value &v) { r.method = string_of(m, v); }},
    {"reused", [](FaultRule &r, std::string_view m, const Value &v) { r.reused = flag_of(m, v); }},
    {"count", [](FaultRule &r, std::string_view m, const Value &v) { r.count = count_of(m, v); }},
    {"skip", [](FaultRule &r, std::string_view m, const Value &v) { r.skip = count_of(m, v); }},
    {"every", [](FaultRule &r, std::string_view m, const Value &v) { r.every = count_of(m, v); }},
    {"probability",
     [](FaultRule &r, std::string_view m, const Value &v) { r.probability = probability_of(m, v); }},
    {"ms", [](FaultRule &r, std::string_view m, const Value &v) { r.wait_ms = count_of(m, v); }},
    {"jitter_ms", [](FaultRule &r, std::string_view m, const Value &v) { r.jitter_ms = count_of(m, v); }},
    {"interval_ms", [](FaultRule &r, std::string_view m, const Value &v) { r.interval_ms = count_of(m, v); }},
    {"bytes", [](FaultRule &r, std::string_view m, const Value &v) { r.bytes = count_of(m, v); }},
    {"megabytes", [](FaultRule &r, std::string_view m, const Value &v) { r.megabytes = count_of(m, v); }},
    {"chunked", [](FaultRule &r, std::string_view m, const Value &v) { r.chunked = flag_of(m, v); }},
    {"status", [](FaultRule &r, std::string_view m, const Value &v) { r.status = status_of(m, v); }},
    {"retry_after",
     [](FaultRule &r, std::string_view m, const Value &v) {
         r.headers.emplace_back("Retry-After",
                                v.is(Value::Type::string) ? v.text : std::to_string(count_of(m, v)));
     }},
    {"error_code",
     [](FaultRule &r, std::string_view m, const Value &v) {
         r.error_code = static_cast<std::int64_t>(count_of(m, v));
     }},
    {"error_text", [](FaultRule &r, std::string_view m, const Value &v) { r.error_text = string_of(m, v); }},
    {"service_code",
     [](FaultRule &r, std::string_view m, const Value &v) { r.service_code = string_of(m, v); }},
    {"body", [](FaultRule &r, std::string_view m, const Value &v) { r.body = string_of(m, v); }},
    {"body_base64", [](FaultRule &r, std::string_view m, const Value &v) { r.body = bytes_of(m, v); }},
    {"content_type",
     [](FaultRule &r, std::string_view m, const Value &v) { r.content_type = string_of(m, v); }},
    {"headers",
     [](FaultRule &r, std::string_view m, const Value &v) {
         for (auto &header : headers_of(m, v))
             r.headers.push_back(std::move(header));
     }},
    {"location", [](FaultRule &r, std::string_view m, const Value &v) { r.location = string_of(m, v); }},
    {"label",
     [](FaultRule &r, std::string_view m, const Value &v) {
         r.label = one_of(m, v, {"right", "none", "wrong"});
     }},
    {"what",
     [](FaultRule &r, std::string_view m, const Value &v) {
         r.what = one_of(
             m, v, {"nul", "raw_nul", "invalid_utf8", "lone_surrogate", "byte_order_mark", "duplicate_key"});
     }},
    {"field", [](FaultRule &r, std::string_view m, const Value &v) { r.field = string_of(m, v); }},
};

} // namespace

FaultRule read_fault_rule(const Value &object)
{
    if (!object.is(Value::Type::object))
        throw Refused(400, "fault rule: must be an object");
    FaultRule rule;
    const Value *kind = object.find("kind");
    if (!kind)
        refuse("kind", "is missing");
    const auto found = kinds.find(string_of("kind", *kind));
    if (found == kinds.end())
        refuse("kind", "is unknown: " + kind->text);
    rule.kind = found->second.kind;
    rule.processing = found->second.processing;
    rule.name = kind->text;
    if (const Value *process = object.find("process")) {
        const auto when = processings.find(string_of("process", *process));
        if (when == processings.end())
            refuse("process", "must be one of never arrival answer");
        rule.processing = when->second;
    }
    for (const auto &[name, value] : object.members) {
        const auto reader = readers.find(name);
        if (reader == readers.end())
            refuse(name, "is unknown");
        reader->second(rule, name, value);
    }
    if (rule.every == 0)
        refuse("every", "must be 1 or more");
    if (rule.kind == FaultKind::redirect && rule.location.empty())
        refuse("location", "is missing");
    rule.text = object.raw;
    return rule;
}

} // namespace sandbox
