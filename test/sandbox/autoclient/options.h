/*
 * Lenient in what may be left out, strict in what is there: the members of a control request's JSON object.
 *
 * Promises: an unknown member or one of another type is refused with HTTP 400 and a text that names it.
 * `object` has to outlive it.
 */
#pragma once

#include "calendar.h"

#include "../json_text.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::autoclient
{

class Options
{
public:
    Options(const Value &object, std::string where, std::initializer_list<std::string_view> known);

    bool has(std::string_view name) const { return object_.find(name) != nullptr; }
    std::string text(std::string_view name, const std::string &fallback) const;
    std::string choice(std::string_view name, const std::string &fallback,
                       std::initializer_list<std::string_view> allowed) const;
    std::int64_t number(std::string_view name, std::int64_t fallback, std::int64_t lowest,
                        std::int64_t highest) const;
    bool flag(std::string_view name, bool fallback) const;
    Day day(std::string_view name, Day fallback) const;  // YYYY-MM-DD
    int time(std::string_view name, int fallback) const; // HH:MM[:SS], seconds of the day
    std::vector<std::string> texts(std::string_view name, const std::vector<std::string> &fallback) const;
    const std::vector<Value> &list(std::string_view name, const Value &fallback) const;

    [[noreturn]] void refuse(std::string_view name, std::string_view why) const;

private:
    const Value *typed(std::string_view name, Value::Type type, std::string_view why) const;

    const Value &object_;
    std::string where_;
};

} // namespace sandbox::autoclient
