/*
 * The members of a control request. Contracts stand in options.h.
 */
#include "options.h"

#include "../message.h"
#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

Options::Options(const Value &object, std::string where, std::initializer_list<std::string_view> known)
    : object_(object), where_(std::move(where))
{
    if (!object.is(Value::Type::object))
        throw Refused(400, where_ + ": an object is needed");
    for (const Member &member : object.members)
        if (std::find(known.begin(), known.end(), member.first) == known.end())
            refuse(member.first, "is unknown");
}

void Options::refuse(std::string_view name, std::string_view why) const
{
    throw Refused(400, where_ + ": " + std::string(name) + " " + std::string(why));
}

const Value *Options::typed(std::string_view name, Value::Type type, std::string_view why) const
{
    const Value *value = object_.find(name);
    if (value && !value->is(type))
        refuse(name, why);
    return value;
}

std::string Options::text(std::string_view name, const std::string &fallback) const
{
    const Value *value = typed(name, Value::Type::string, "must be a string");
    return value ? value->text : fallback;
}

std::string Options::choice(std::string_view name, const std::string &fallback,
                            std::initializer_list<std::string_view> allowed) const
{
    std::string value = text(name, fallback);
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        refuse(name, "has no such choice");
    return value;
}

std::int64_t Options::number(std::string_view name, std::int64_t fallback, std::int64_t lowest,
                             std::int64_t highest) const
{
    const Value *value = typed(name, Value::Type::number, "must be a number");
    if (!value)
        return fallback;
    if (!is_integer(value->text) || value->text.size() > 15 || std::stoll(value->text) < lowest ||
        std::stoll(value->text) > highest)
        refuse(name,
               "must be a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
    return std::stoll(value->text);
}

bool Options::flag(std::string_view name, bool fallback) const
{
    const Value *value = typed(name, Value::Type::boolean, "must be true or false");
    return value ? value->flag : fallback;
}

Day Options::day(std::string_view name, Day fallback) const
{
    const Value *value = typed(name, Value::Type::string, "must be a date YYYY-MM-DD");
    if (!value)
        return fallback;
    const std::optional<Day> day = read_day(value->text, DayForm::iso);
    if (!day)
        refuse(name, "must be a date YYYY-MM-DD");
    return *day;
}

int Options::time(std::string_view name, int fallback) const
{
    const Value *value = typed(name, Value::Type::string, "must be a time HH:MM or HH:MM:SS");
    if (!value)
        return fallback;
    const std::optional<int> time = read_time(value->text);
    if (!time)
        refuse(name, "must be a time HH:MM or HH:MM:SS");
    return *time;
}

std::vector<std::string> Options::texts(std::string_view name, const std::vector<std::string> &fallback) const
{
    const Value *value = typed(name, Value::Type::array, "must be an array of strings");
    if (!value)
        return fallback;
    std::vector<std::string> out;
    for (const Value &each : value->items) {
        if (!each.is(Value::Type::string))
            refuse(name, "must be an array of strings");
        out.push_back(each.text);
    }
    return out;
}

const std::vector<Value> &Options::list(std::string_view name, const Value &fallback) const
{
    const Value *value = typed(name, Value::Type::array, "must be an array");
    return value ? value->items : fallback.items;
}

} // namespace sandbox::autoclient
