// Fuzzes the readers of payload values that know no PostgreSQL: numbers, dates, moments, IIN, IBAN, each
// against a second opinion.
#include "autoclient/moment.hpp"
#include "k2/identifiers.hpp"
#include "k2/value_text.hpp"

#include "property.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace
{

// Digits become 9, signs of a zone +, so that a text shows its shape.
std::string shape(std::string_view text)
{
    std::string out(text);
    for (char &c : out)
        c = k2::is_digit(c) ? '9' : c == '-' ? '+' : c == 'z' ? 'Z' : c;
    return out;
}

int number(std::string_view text, std::size_t from, std::size_t size)
{
    return std::stoi(std::string(text.substr(from, size)));
}

bool is_time(std::string_view text)
{
    std::string form = shape(text);
    for (const std::string_view zone : {"Z", "+99", "+9999", "+99:99"}) {
        if (form.size() < 5 + zone.size() || !form.ends_with(zone))
            continue;
        form.resize(form.size() - zone.size());
        if (zone != "Z" && number(text, form.size() + 1, 2) > 15)
            return false;
        break;
    }
    const bool known = form == "99:99" || form == "99:99:99" ||
                       (form.starts_with("99:99:99.") && form.size() >= 10 && form.size() <= 18 &&
                        form.find_first_not_of('9', 9) == form.npos);
    return known && number(text, 0, 2) <= 24 && number(text, 3, 2) <= 59 &&
           (form.size() < 8 || number(text, 6, 2) <= 60);
}

bool is_day(std::string_view text, int &year, int &month, int &day)
{
    const std::string form = shape(text.substr(0, 10));
    if (form == "99.99.9999") {
        day = number(text, 0, 2), month = number(text, 3, 2), year = number(text, 6, 4);
    } else if (form == "9999.99.99" || (form == "9999+99+99" && text[4] == '-' && text[7] == '-')) {
        year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
    } else {
        return false;
    }
    namespace chrono = std::chrono;
    const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                      chrono::day(static_cast<unsigned>(day))};
    return year > 0 && date.ok() &&
           (text.size() == 10 || ((text[10] == ' ' || text[10] == 'T') && is_time(text.substr(11))));
}

// Microseconds since midnight of a moment that begins with a day; -1 when its time has no known form.
std::int64_t time_of_moment(std::string_view text)
{
    const std::string form = shape(text);
    if (form.size() == 10)
        return 0;
    if (form[10] != ' ' && form[10] != 'T')
        return -1;
    const std::string time = form.substr(11);
    const bool fraction =
        time.starts_with("99:99:99.") && time.size() > 9 && time.find_first_not_of('9', 9) == time.npos;
    if (time != "99:99" && time != "99:99:99" && !fraction)
        return -1;
    const int hour = number(text, 11, 2), minute = number(text, 14, 2);
    const int second = time.size() > 5 ? number(text, 17, 2) : 0;
    if (hour > 23 || minute > 59 || second > 59)
        return -1;
    const std::string micros = fraction ? (std::string(text.substr(20)) + "000000").substr(0, 6) : "0";
    return (hour * 3600LL + minute * 60 + second) * 1000000 + std::stoi(micros);
}

void check_moment(std::string_view text)
{
    int year = 0, month = 0, day = 0;
    const std::int64_t time = is_day(text.substr(0, 10), year, month, day) ? time_of_moment(text) : -1;
    const auto read = autoclient::parse_moment(text);
    fuzz::promise(read.has_value() == (time >= 0), "a moment has one of the known forms");
    fuzz::promise(!read || (read->day.year == year && read->day.month == month && read->day.day == day &&
                            read->microseconds == time),
                  "and is that moment");
}

bool is_number(std::string_view text)
{
    const std::string digits(text.substr(text.starts_with('-') ? 1 : 0));
    const auto point = std::count(digits.begin(), digits.end(), '.');
    return !digits.empty() && point <= 1 && digits.find_first_not_of("0123456789.") == digits.npos &&
           digits.front() != '.' && digits.back() != '.';
}

void check_identifiers(std::string_view text)
{
    std::string other(text);
    if (k2::iin_valid(text)) {
        fuzz::promise(text.size() == 12 && k2::all_digits(text), "an IIN has 12 digits");
        other[11] = static_cast<char>('0' + (text[11] - '0' + 1) % 10);
        fuzz::promise(!k2::iin_valid(other), "one check digit is right");
    }
    if (!k2::iban_valid(text))
        return;
    fuzz::promise(text.size() >= 15 && text.size() <= 34, "an IBAN has 15 to 34 characters");
    for (std::size_t i = 4; i < other.size(); ++i) {
        const char right = text[i];
        other[i] = k2::is_digit(right) ? static_cast<char>('0' + (right - '0' + 1) % 10)
                                       : static_cast<char>('A' + (right - 'A' + 1) % 26);
        fuzz::promise(!k2::iban_valid(other), "one wrong character is seen");
        other[i] = right;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const fuzz::Block block(data, size);
    const std::string_view text = block.view();
    fuzz::promise(k2::plain_number(text) == is_number(text), "a number is [-]digits[.digits]");
    int year = 0, month = 0, day = 0;
    const auto read = k2::parse_day(text);
    fuzz::promise(read.has_value() == is_day(text, year, month, day), "a date has one of the known forms");
    fuzz::promise(!read || (read->year == year && read->month == month && read->day == day),
                  "and is that day");
    check_identifiers(text);
    check_moment(text);
    return 0;
}
