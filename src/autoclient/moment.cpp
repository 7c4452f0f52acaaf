// Reading a date with a time from text (moment.hpp).
#include "autoclient/moment.hpp"

#include "k2/identifiers.hpp"

namespace autoclient
{

namespace
{

constexpr std::size_t date_length = 10;
constexpr std::size_t exact_digits = 6; // of a fraction; what follows is below a microsecond

// Two digits at `from`, between 0 and `most`; -1 for anything else.
int two_digits(std::string_view text, std::size_t from, int most)
{
    if (text.size() < from + 2 || !k2::all_digits(text.substr(from, 2)))
        return -1;
    const int value = (text[from] - '0') * 10 + (text[from + 1] - '0');
    return value <= most ? value : -1;
}

// ".f" as microseconds, 0 for nothing; -1 for anything else.
int fraction(std::string_view text)
{
    if (text.empty())
        return 0;
    if (text.size() < 2 || text.front() != '.' || !k2::all_digits(text.substr(1)))
        return -1;
    int value = 0;
    for (std::size_t digit = 1; digit <= exact_digits; ++digit)
        value = value * 10 + (digit < text.size() ? text[digit] - '0' : 0);
    return value;
}

// HH:MM[:SS[.f]] as microseconds since midnight; -1 for anything else.
std::int64_t time_of_day(std::string_view text)
{
    const int hour = two_digits(text, 0, 23), minute = two_digits(text, 3, 59);
    if (hour < 0 || minute < 0 || text[2] != ':')
        return -1;
    text.remove_prefix(5);
    int second = 0, micros = 0;
    if (!text.empty()) {
        second = two_digits(text, 1, 59);
        if (second < 0 || text[0] != ':' || (micros = fraction(text.substr(3))) < 0)
            return -1;
    }
    return ((hour * 60 + minute) * 60 + second) * std::int64_t{1'000'000} + micros;
}

} // namespace

std::optional<Moment> parse_moment(std::string_view text)
{
    const auto day = k2::parse_day(text.substr(0, date_length));
    if (!day)
        return std::nullopt;
    if (text.size() == date_length)
        return Moment{*day, 0};
    if (text[date_length] != ' ' && text[date_length] != 'T')
        return std::nullopt;
    const std::int64_t time = time_of_day(text.substr(date_length + 1));
    if (time < 0)
        return std::nullopt;
    return Moment{*day, time};
}

} // namespace autoclient
