/*
 * Strict reading of what a caller of the ABS sends. Contracts stand in checks.h.
 */
#include "checks.h"

#include "../text.h"

#include <algorithm>
#include <set>

namespace sandbox::abs
{

namespace
{

bool listed(std::string_view name, Names names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void refuse_named(std::string_view name, std::string_view why)
{
    throw Refused(400, std::string(name) + ": " + std::string(why));
}

} // namespace

Parameters::Parameters(const Request &request, Names required, Names optional) : request_(request)
{
    std::set<std::string_view> seen;
    for (const auto &[name, value] : request.query) {
        if (!listed(name, required) && !listed(name, optional))
            refuse_named(name, "неизвестный параметр");
        if (!seen.insert(name).second)
            refuse_named(name, "параметр повторяется");
        if (value.empty())
            refuse_named(name, "пустое значение");
        if (!is_utf8(value))
            refuse_named(name, "значение не в UTF-8");
    }
    for (std::string_view name : required)
        if (!seen.contains(name))
            refuse_named(name, "нет обязательного параметра");
}

std::string Parameters::text(std::string_view name) const
{
    const std::string *value = request_.parameter(name);
    return value ? *value : "";
}

std::string Parameters::iinbin(std::string_view name) const
{
    std::string value = text(name);
    if (!is_digits(value, 12))
        refuse_named(name, "нужны 12 цифр");
    return value;
}

std::string Parameters::date(std::string_view name) const
{
    std::string value = text(name);
    if (!is_iso_date(value))
        refuse_named(name, "нужна дата ГГГГ-ММ-ДД");
    return value;
}

std::string Parameters::integer(std::string_view name) const
{
    std::string value = text(name);
    if (!is_integer(value))
        refuse_named(name, "нужно целое число");
    return value;
}

Fields::Fields(const Value &object, Names required, Names optional, std::string where)
    : object_(object), where_(std::move(where))
{
    if (!object.is(Value::Type::object))
        throw Refused(400, where_ + ": нужен объект");
    for (const auto &member : object.members)
        if (!listed(member.first, required) && !listed(member.first, optional))
            refuse(member.first, "неизвестное поле");
    for (std::string_view name : required)
        if (!has(name))
            refuse(name, "нет обязательного поля");
}

void Fields::refuse(std::string_view name, std::string_view why) const
{
    refuse_named(where_ + std::string(name), why);
}

std::string Fields::text(std::string_view name) const
{
    const Value *value = object_.find(name);
    if (!value || !value->is(Value::Type::string))
        refuse(name, "нужна строка");
    return value->text;
}

std::string Fields::filled(std::string_view name) const
{
    std::string value = text(name);
    if (value.empty())
        refuse(name, "пустая строка");
    return value;
}

std::string Fields::iinbin(std::string_view name) const
{
    std::string value = text(name);
    if (!is_digits(value, 12))
        refuse(name, "нужны 12 цифр");
    return value;
}

std::string Fields::date(std::string_view name) const
{
    std::string value = text(name);
    if (!is_iso_date(value))
        refuse(name, "нужна дата ГГГГ-ММ-ДД");
    return value;
}

std::string Fields::flag(std::string_view name) const
{
    std::string value = text(name);
    if (value != "0" && value != "1")
        refuse(name, "нужна строка \"0\" или \"1\"");
    return value;
}

std::string Fields::currency(std::string_view name) const
{
    std::string value = text(name);
    if (value.size() != 3 ||
        !std::all_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
        refuse(name, "нужен код валюты из трёх заглавных букв");
    return value;
}

std::string Fields::integer(std::string_view name) const
{
    const Value *value = object_.find(name);
    if (!value || !value->is(Value::Type::number) || !is_integer(value->text))
        refuse(name, "нужно целое число");
    return value->text;
}

std::string Fields::amount(std::string_view name) const
{
    const Value *value = object_.find(name);
    if (!value || !value->is(Value::Type::number))
        refuse(name, "нужно число");
    if (!is_decimal(value->text, 2) || value->text.starts_with('-'))
        refuse(name, "нужна неотрицательная сумма не более чем с двумя знаками после точки");
    return value->text;
}

std::size_t Fields::count(std::string_view name) const
{
    const Value *value = object_.find(name);
    const bool typed = value && (value->is(Value::Type::number) || value->is(Value::Type::string));
    if (!typed || !is_integer(value->text) || value->text.starts_with('-') || value->text.size() > 9 ||
        std::stoul(value->text) == 0)
        refuse(name, "нужно целое число от 1");
    return std::stoul(value->text);
}

} // namespace sandbox::abs
