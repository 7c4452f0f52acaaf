/*
 * Strict reading of what a caller of the ABS sends: parameters of an address, members of a JSON object.
 *
 * Promises: everything that is missing, unknown, repeated or of another type or form than k2.md section 3
 * says is refused with HTTP 400 and a text that names it.
 */
#pragma once

#include "../message.h"

#include <initializer_list>
#include <string>
#include <string_view>

namespace sandbox::abs
{

using Names = std::initializer_list<std::string_view>;

/* The query parameters of a GET. */
class Parameters
{
public:
    /* Checks that all `required` and nothing but `required` and `optional` are there, once each, not empty.
     */
    Parameters(const Request &request, Names required, Names optional = {});

    bool has(std::string_view name) const { return request_.parameter(name) != nullptr; }
    std::string text(std::string_view name) const;
    std::string iinbin(std::string_view name) const;
    std::string date(std::string_view name) const;
    std::string integer(std::string_view name) const;

private:
    const Request &request_;
};

/* The members of a JSON object. `where` is put before the names, for rows of a list ("items[3]."). */
class Fields
{
public:
    Fields(const Value &object, Names required, Names optional = {}, std::string where = "");

    bool has(std::string_view name) const { return object_.find(name) != nullptr; }
    std::string text(std::string_view name) const;     // a string, may be empty
    std::string filled(std::string_view name) const;   // a string, not empty
    std::string iinbin(std::string_view name) const;   // a string of 12 digits
    std::string date(std::string_view name) const;     // a string YYYY-MM-DD
    std::string flag(std::string_view name) const;     // "0" or "1"
    std::string currency(std::string_view name) const; // three capital letters
    std::string integer(std::string_view name) const;  // a JSON number without fraction, as written

    /* A JSON number, not negative, at most two decimals, no exponent; the text as received. */
    std::string amount(std::string_view name) const;

    /* A whole number from 1, as a JSON number or a string (k2.md D29). */
    std::size_t count(std::string_view name) const;

    [[noreturn]] void refuse(std::string_view name, std::string_view why) const;

private:
    const Value &object_;
    std::string where_;
};

} // namespace sandbox::abs
