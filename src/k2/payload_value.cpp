// Reading one value of a payload (payload_value.hpp).
#include "k2/payload_value.hpp"
#include "k2/identifiers.hpp"
#include "settings.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

namespace k2
{

namespace
{

constexpr int invalid_field = 422;
constexpr size_t longest_number = 64; // characters of a numeric string

Value of(Datum datum)
{
    return {datum, false, 0, nullptr, false};
}
Value fault(const char *reason)
{
    return {0, true, invalid_field, reason, true};
}
constexpr Value nothing = {0, true, 0, nullptr, false};

std::string_view chars(const JsonbValue &json)
{
    return {json.val.string.val, static_cast<size_t>(json.val.string.len)};
}

Value make_text(std::string_view from)
{
    return of(PointerGetDatum(cstring_to_text_with_len(from.data(), static_cast<int>(from.size()))));
}

// [-]digits[.digits], the only form of a number that is taken from a string.
bool plain_number(std::string_view from)
{
    if (!from.empty() && from.front() == '-')
        from.remove_prefix(1);
    const size_t point = from.find('.');
    const std::string_view whole = from.substr(0, point);
    const std::string_view fraction = point == from.npos ? "0" : from.substr(point + 1);
    return !whole.empty() && !fraction.empty() && all_digits(whole) && all_digits(fraction);
}

// The number in a JSON number or numeric string; false when it is neither.
bool number(const JsonbValue &json, Datum *result)
{
    if (json.type == jbvNumeric) {
        *result = NumericGetDatum(json.val.numeric);
        return true;
    }
    if (json.type != jbvString || json.val.string.len > static_cast<int>(longest_number) ||
        !plain_number(chars(json)))
        return false;
    char buffer[longest_number + 1];
    memcpy(buffer, json.val.string.val, static_cast<size_t>(json.val.string.len));
    buffer[json.val.string.len] = '\0';
    *result = DirectFunctionCall3(numeric_in, CStringGetDatum(buffer), ObjectIdGetDatum(InvalidOid),
                                  Int32GetDatum(-1));
    return true;
}

bool less(Datum left, Datum right)
{
    return DatumGetBool(DirectFunctionCall2(numeric_lt, left, right));
}
int decimals(Datum value)
{
    return DatumGetInt32(DirectFunctionCall1(numeric_min_scale, value));
}

Value read_amount(const JsonbValue &json, const Bounds &bounds, bool negative_too)
{
    Datum value;
    if (!number(json, &value) || decimals(value) > 2)
        return fault("ожидается сумма, не более двух знаков после точки");
    if (!negative_too && less(value, bounds.zero))
        return fault("сумма не может быть отрицательной");
    const Datum size = less(value, bounds.zero) ? DirectFunctionCall1(numeric_uminus, value) : value;
    if (!less(size, bounds.amount))
        return fault("слишком большая сумма");
    return of(value);
}

Value read_integer(const JsonbValue &json, const Bounds &bounds, int bytes)
{
    Datum value;
    if (!number(json, &value) || decimals(value) > 0)
        return fault("ожидается целое число");
    if (less(value, bytes == 4 ? bounds.lowest4 : bounds.lowest8) ||
        less(bytes == 4 ? bounds.highest4 : bounds.highest8, value))
        return fault("число вне допустимого диапазона");
    return of(DirectFunctionCall1(numeric_int8, value));
}

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
bool split_date(std::string_view &from, int *year, int *month, int *day)
{
    const bool year_first = from.size() > 4 && is_digit(from[2]);
    *(year_first ? year : day) = take_digits(from, year_first ? 4 : 2, year_first ? 4 : 2);
    const std::string_view separator = from.substr(0, 1);
    if (!take(from, year_first ? "-." : "."))
        return false;
    *month = take_digits(from, 2, 2);
    if (!take(from, separator))
        return false;
    *(year_first ? day : year) = take_digits(from, year_first ? 2 : 4, year_first ? 2 : 4);
    return true;
}

Value read_date(const JsonbValue &json)
{
    constexpr const char *wrong = "ожидается дата в виде ГГГГ-ММ-ДД";
    if (json.type != jbvString)
        return fault(wrong);
    std::string_view rest = chars(json);
    int year = -1, month = -1, day = -1;
    if (!split_date(rest, &year, &month, &day))
        return fault(wrong);
    if (!rest.empty() && !(take(rest, " T") && is_time(rest)))
        return fault(wrong);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
        return fault(wrong);
    return of(DateADTGetDatum(date2j(year, month, day) - POSTGRES_EPOCH_JDATE));
}

int characters(std::string_view from)
{
    return pg_mbstrlen_with_len(from.data(), static_cast<int>(from.size()));
}

Value read_iin(std::string_view from, const LengthError &length)
{
    if (characters(from) != 12)
        return {0, true, length.code, length.text, false};
    if (!all_digits(from))
        return fault("ИИН должен состоять из цифр");
    if (settings::check_iin && !iin_valid(from))
        return fault("неверный контрольный разряд ИИН");
    return make_text(from);
}

Value read_text(const Field &field, const LengthError &iin_length, const JsonbValue &json)
{
    std::string_view from;
    if (json.type == jbvString)
        from = chars(json);
    else if (json.type == jbvNumeric)
        from = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(json.val.numeric)));
    else
        return fault("ожидается строка");
    // The documented trigger of this error is a length other than 12, and 0 is one.
    if (field.kind == Kind::iin)
        return read_iin(from, iin_length);
    if (from.empty())
        return nothing;
    if (field.limit > 0 && characters(from) > field.limit)
        return fault(psprintf("не более %d символов", field.limit));
    if (field.kind == Kind::iban && settings::check_iban && !iban_valid(from))
        return fault("неверный IBAN");
    return make_text(from);
}

} // namespace

Bounds make_bounds()
{
    const auto bound = [](int64 value) { return NumericGetDatum(int64_to_numeric(value)); };
    return {bound(0),
            bound(INT64CONST(1000000000000000000)),
            bound(PG_INT32_MIN),
            bound(PG_INT32_MAX),
            bound(PG_INT64_MIN),
            bound(PG_INT64_MAX)};
}

Value read_value(const Field &field, const LengthError &iin_length, const Bounds &bounds,
                 const JsonbValue &json)
{
    if (json.type == jbvNull ||
        (json.type == jbvString && json.val.string.len == 0 && field.kind != Kind::iin))
        return nothing;
    switch (field.kind) {
    case Kind::amount:
    case Kind::balance:
        return read_amount(json, bounds, field.kind == Kind::balance);
    case Kind::integer:
        return read_integer(json, bounds, field.limit);
    case Kind::date:
        return read_date(json);
    case Kind::text:
    case Kind::iin:
    case Kind::iban:
        break;
    }
    return read_text(field, iin_length, json);
}

} // namespace k2
