/*
 * Days and amounts of the Autoclient half. Contracts stand in calendar.h.
 */
#include "calendar.h"

#include "../text.h"

#include <chrono>

namespace sandbox::autoclient
{

namespace
{

int number_at(std::string_view text, std::size_t from, std::size_t length)
{
    int value = 0;
    for (char c : text.substr(from, length))
        value = value * 10 + (c - '0');
    return value;
}

void append_two(std::string &out, unsigned value)
{
    out += static_cast<char>('0' + value / 10);
    out += static_cast<char>('0' + value % 10);
}

void append_four(std::string &out, unsigned value)
{
    append_two(out, value / 100);
    append_two(out, value % 100);
}

std::chrono::year_month_day date_of(Day day)
{
    return std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day)));
}

} // namespace

std::optional<Day> read_day(std::string_view text, DayForm form)
{
    const char mark = form == DayForm::dotted ? '.' : '-';
    const std::size_t first = form == DayForm::iso ? 4 : 2;
    if (text.size() != 10 || text[first] != mark || text[first + 3] != mark)
        return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (i != first && i != first + 3 && (text[i] < '0' || text[i] > '9'))
            return std::nullopt;
    const bool iso = form == DayForm::iso;
    const std::chrono::year_month_day date{
        std::chrono::year(number_at(text, iso ? 0 : 6, 4)),
        std::chrono::month(static_cast<unsigned>(number_at(text, iso ? 5 : 3, 2))),
        std::chrono::day(static_cast<unsigned>(number_at(text, iso ? 8 : 0, 2)))};
    if (!date.ok())
        return std::nullopt;
    return static_cast<Day>(std::chrono::sys_days(date).time_since_epoch().count());
}

void append_day(std::string &out, Day day, DayForm form)
{
    const std::chrono::year_month_day date = date_of(day);
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    if (form == DayForm::iso) {
        append_four(out, year);
        out += '-';
        append_two(out, static_cast<unsigned>(date.month()));
        out += '-';
        append_two(out, static_cast<unsigned>(date.day()));
        return;
    }
    const char mark = form == DayForm::dotted ? '.' : '-';
    append_two(out, static_cast<unsigned>(date.day()));
    out += mark;
    append_two(out, static_cast<unsigned>(date.month()));
    out += mark;
    append_four(out, year);
}

std::string day_text(Day day, DayForm form)
{
    std::string out;
    append_day(out, day, form);
    return out;
}

std::string packed_day(Day day)
{
    const std::string dotted = day_text(day, DayForm::dotted);
    return dotted.substr(0, 2) + dotted.substr(3, 2) + dotted.substr(6);
}

bool clock_goes_forward(Day day)
{
    using namespace std::chrono;
    const year_month_day date = date_of(day);
    return date.month() == March && sys_days(days(day)) == sys_days(date.year() / March / Sunday[last]);
}

std::optional<int> read_time(std::string_view text)
{
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon < 1 || colon > 2)
        return std::nullopt;
    const std::string_view rest = text.substr(colon + 1);
    if (!is_digits(text.substr(0, colon), colon) || !is_digits(rest.substr(0, 2), 2))
        return std::nullopt;
    const bool seconds = rest.size() == 5 && rest[2] == ':' && is_digits(rest.substr(3), 2);
    if (rest.size() != 2 && !seconds)
        return std::nullopt;
    const int hour = number_at(text, 0, colon);
    const int minute = number_at(rest, 0, 2);
    const int second = seconds ? number_at(rest, 3, 2) : 0;
    if (hour > 23 || minute > 59 || second > 59)
        return std::nullopt;
    return hour * 3600 + minute * 60 + second;
}

std::string time_text(int seconds)
{
    std::string out;
    append_two(out, static_cast<unsigned>(seconds / 3600));
    out += ':';
    append_two(out, static_cast<unsigned>(seconds / 60 % 60));
    out += ':';
    append_two(out, static_cast<unsigned>(seconds % 60));
    return out;
}

void append_amount(std::string &out, Amount amount)
{
    if (amount < 0) {
        out += '-';
        amount = -amount;
    }
    out += std::to_string(amount / 100);
    out += '.';
    append_two(out, static_cast<unsigned>(amount % 100));
}

std::string amount_text(Amount amount)
{
    std::string out;
    append_amount(out, amount);
    return out;
}

std::optional<Amount> read_amount(std::string_view text)
{
    if (!is_decimal(text, 2) || text.starts_with('-'))
        return std::nullopt;
    const std::size_t dot = text.find('.');
    const std::string whole(text.substr(0, dot));
    std::string cents(dot == std::string_view::npos ? "" : text.substr(dot + 1));
    cents.resize(2, '0');
    if (whole.size() > 15)
        return std::nullopt;
    return std::stoll(whole) * 100 + std::stoll(cents);
}

Amount at_rate(Amount amount, std::int64_t rate)
{
    const __int128 product = static_cast<__int128>(amount) * rate;
    const __int128 half = product < 0 ? -5000 : 5000;
    return static_cast<Amount>((product + half) / 10000);
}

} // namespace sandbox::autoclient
