// Reading one value of a payload (payload_value.hpp).
#include "k2/payload_value.hpp"
#include "k2/identifiers.hpp"
#include "k2/value_text.hpp"
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

Value read_date(const JsonbValue &json)
{
    constexpr const char *wrong = "ожидается дата в виде ГГГГ-ММ-ДД";
    if (json.type != jbvString)
        return fault(wrong);
    const std::optional<Day> day = parse_day(chars(json));
    if (!day)
        return fault(wrong);
    return of(DateADTGetDatum(date2j(day->year, day->month, day->day) - POSTGRES_EPOCH_JDATE));
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
