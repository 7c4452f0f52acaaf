/*
 * JSON members of a call. Contracts stand in input.h; forms and multipart bodies are in parts.cpp.
 */
#include "input.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

bool listed(std::string_view name, Input::Names names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

Input::Input(const std::string &body, Complaint complaint, Names required, Names optional)
    : complaint_(complaint)
{
    static const std::string nothing = "{}";
    try {
        own_ = parse_json(body.empty() ? nothing : body);
    } catch (const JsonError &error) {
        complaint("body", std::string("is not JSON: ") + error.what());
    }
    object_ = &own_;
    check(required, optional);
}

Input::Input(const Value &object, Complaint complaint, std::string where, Names required, Names optional)
    : object_(&object), complaint_(complaint), where_(std::move(where))
{
    check(required, optional);
}

void Input::check(Names required, Names optional) const
{
    if (!object_->is(Value::Type::object))
        refuse(where_.empty() ? "body" : "", "must be an object");
    for (const Member &member : object_->members)
        if (!listed(member.first, required) && !listed(member.first, optional))
            refuse(member.first, "is unknown");
    for (std::string_view name : required)
        if (!has(name))
            refuse(name, "is absent");
}

void Input::refuse(std::string_view name, const std::string &why) const
{
    complaint_(where_ + std::string(name), why);
    throw Refused(500, "a complaint returned");
}

std::string Input::text(std::string_view name) const
{
    const Value *found = object_->find(name);
    if (found && !found->is(Value::Type::string))
        refuse(name, "must be a string");
    return found ? found->text : "";
}

std::string Input::filled(std::string_view name) const
{
    std::string out = text(name);
    if (out.empty())
        refuse(name, "must not be empty");
    return out;
}

Amount Input::amount(std::string_view name) const
{
    const Value *found = object_->find(name);
    const std::optional<Amount> amount =
        found && found->is(Value::Type::number) ? read_amount(found->text) : std::nullopt;
    if (!amount)
        refuse(name, "must be a number with at most two decimals");
    return *amount;
}

std::int64_t Input::count(std::string_view name, std::int64_t fallback) const
{
    const Value *found = object_->find(name);
    if (!found)
        return fallback;
    const bool typed = found->is(Value::Type::number) || found->is(Value::Type::string);
    if (!typed || !is_integer(found->text) || found->text.starts_with('-') || found->text.size() > 9)
        refuse(name, "must be a whole number");
    return std::stoll(found->text);
}

bool Input::flag(std::string_view name) const
{
    const Value *found = object_->find(name);
    if (!found || !found->is(Value::Type::boolean))
        refuse(name, "must be true or false");
    return found->flag;
}

std::vector<std::string> Input::texts(std::string_view name) const
{
    std::vector<std::string> out;
    const Value *found = object_->find(name);
    if (!found)
        return out;
    if (!found->is(Value::Type::array))
        refuse(name, "must be an array of strings");
    for (const Value &each : found->items) {
        if (!each.is(Value::Type::string))
            refuse(name, "must be an array of strings");
        out.push_back(each.text);
    }
    return out;
}

} // namespace sandbox::autoclient
