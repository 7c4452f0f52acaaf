// Reading numbers and dates of payloads from text (value_text.hpp).
#include "k2/value_text.hpp"
#include "k2/identifiers.hpp"

namespace k2
{

namespace
{

// Takes up to `most` digits, at least `least`, from the front of `from`; -1 when there are fewer.
int take_digits(std::string_view &from, size_t least, size_t most)
{
    size_t length = 0;
    int value = 0;
    while (length < most && length < from.size() && is_digit(from[length]))
        value = value * 10 + (from[length++] - '0');
    from.remove_prefix(length);
    return length < least ? -1 : value;
}

bool take(std::string_view &from, std::string_view any_of)
{
    if (from.empty() || any_of.find(from.front()) == any_of.npos)
        return false;
    from.remove_prefix(1);
    return true;
}

// HH:MM[:SS[.f]][Z|±HH[[:]MM]], and nothing behind it.
bool is_time(std::string_view from)
{
    const int hour = take_digits(from, 2, 2);
    const bool colon = take(from, ":");
    const int minute = take_digits(from, 2, 2);
    if (!colon || hour < 0 || hour > 24 || minute < 0 || minute > 59)
        return false;
    if (take(from, ":")) {
        const int second = take_digits(from, 2, 2);
        if (second < 0 || second > 60 || (take(from, ".") && take_digits(from, 1, 9) < 0))
            return false;
    }
    if (take(from, "Zz"))
        return from.empty();
    if (take(from, "+-")) {
        const int zone = take_digits(from, 2, 2);
        if (zone < 0 || zone > 15)
            return false;
        if (take(from, ":") || !from.empty())
            return take_digits(from, 2, 2) >= 0 && from.empty();
    }
    return from.empty();
}

// Year first with - or ., or day first with a dot; the separator must not change within the date.
bool split_date(std::string_view &from, Day &day)
{
    const bool year_first = from.size() > 4 && is_digit(from[2]);
    (year_first ? day.year : day.day) = take_digits(from, year_first ? 4 : 2, year_first ? 4 : 2);
    const std::string_view separator = from.substr(0, 1);
    if (!take(from, year_first ? "-." : "."))
        return false;
    day.month = take_digits(from, 2, 2);
    if (!take(from, separator))
        return false;
    (year_first ? day.day : day.year) = take_digits(from, year_first ? 2 : 4, year_first ? 2 : 4);
    return true;
}

bool in_calendar(const Day &day)
{
    constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (day.year < 1 || day.month < 1 || day.month > 12 || day.day < 1)
        return false;
    const bool leap = day.year % 4 == 0 && (day.year % 100 != 0 || day.year % 400 == 0);
    return day.day <= lengths[day.month - 1] + (leap && day.month == 2 ? 1 : 0);
}

} // namespace

bool plain_number(std::string_view text)
{
    if (!text.empty() && text.front() == '-')
        text.remove_prefix(1);
    const size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction = point == text.npos ? "0" : text.substr(point + 1);
    return !whole.empty() && !fraction.empty() && all_digits(whole) && all_digits(fraction);
}

std::optional<Day> parse_day(std::string_view text)
{
    Day day{-1, -1, -1};
    if (!split_date(text, day) || !in_calendar(day))
        return std::nullopt;
    if (!text.empty() && !(take(text, " T") && is_time(text)))
        return std::nullopt;
    return day;
}

} // namespace k2
