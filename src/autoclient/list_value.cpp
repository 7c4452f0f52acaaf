// Reading one value of a statement reply (list.hpp).
#include "autoclient/list.hpp"
#include "autoclient/moment.hpp"
#include "k2/identifiers.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

#include <algorithm>

namespace autoclient
{

namespace
{

constexpr size_t longest_number = 64; // characters of a numeric string
constexpr int shown = 50;             // characters of a wrong value
constexpr int decimals = 2;
constexpr int64 too_large = INT64CONST(1000000000000000000);

bool is_string(std::string_view literal)
{
    return literal.starts_with('"');
}

char *c_string(std::string_view from)
{
    return pnstrdup(from.data(), from.size());
}

// What jsonb makes of a literal: of a string its characters (the server's encoding may lack code points that
// escapes name), of anything else its text.
std::string_view read_by_server(std::string_view literal)
{
    Jsonb *value = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(c_string(literal))));
    if (!is_string(literal))
        return JsonbToCString(nullptr, &value->root, VARSIZE(value));
    const JsonbValue *scalar = getIthJsonbValueFromContainer(&value->root, 0);
    return {scalar->val.string.val, static_cast<size_t>(scalar->val.string.len)};
}

// Whether jsonb prints a literal that is no string as it stands.
bool prints_alike(std::string_view literal)
{
    return literal == "true" || literal == "false" || (k2::plain_number(literal) && literal.front() != '-');
}

// "row 2 (C, DNCHK0108B1WKX, P)", with as much of the key as is known.
const char *name_of(const Place &place)
{
    const char *name = psprintf("row %d", place.position);
    for (int i = 0; i < place.known; ++i) {
        const bool day = place.list.fields[i].kind == Kind::day;
        const char *word = day ? DatumGetCString(DirectFunctionCall1(date_out, place.key[i]))
                               : TextDatumGetCString(place.key[i]);
        name = psprintf("%s%s%s", name, i == 0 ? " (" : ", ", word);
    }
    return place.known == 0 ? name : psprintf("%s)", name);
}

[[noreturn]] void refuse(const Field &field, const Place &place, std::string_view literal, const char *wanted,
                         const char *detail)
{
    const std::string_view value = words(literal);
    const int length = pg_mbcharcliplen(value.data(), static_cast<int>(value.size()), shown);
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("field \"%s\" of %s of the reply is no %s: \"%s\"", c_string(field.key),
                           name_of(place), wanted, c_string(value.substr(0, static_cast<size_t>(length)))),
                    errdetail("%s", detail)));
}

[[noreturn]] void refuse_absent(const Field &field, const Place &place)
{
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("field \"%s\" of %s of the reply is absent", c_string(field.key), name_of(place))));
}

Datum make_text(std::string_view from)
{
    return PointerGetDatum(cstring_to_text_with_len(from.data(), static_cast<int>(from.size())));
}

// A plain number, or one with an exponent of at most two digits.
bool is_number(std::string_view from)
{
    const size_t mark = std::min(from.find_first_of("eE"), from.size());
    std::string_view exponent = from.substr(std::min(mark + 1, from.size()));
    if (!exponent.empty() && (exponent.front() == '+' || exponent.front() == '-'))
        exponent.remove_prefix(1);
    const bool whole =
        mark == from.size() || (!exponent.empty() && exponent.size() <= 2 && k2::all_digits(exponent));
    return whole && from.size() <= longest_number && k2::plain_number(from.substr(0, mark));
}

bool exact(Datum number)
{
    const Datum size = DirectFunctionCall1(numeric_abs, number);
    const Datum limit = NumericGetDatum(int64_to_numeric(too_large));
    return DatumGetInt32(DirectFunctionCall1(numeric_min_scale, number)) <= decimals &&
           DatumGetBool(DirectFunctionCall2(numeric_lt, size, limit));
}

Datum read_amount(const Field &field, const Place &place, std::string_view literal)
{
    const std::string_view from = words(literal);
    const Datum number = is_number(from)
                             ? DirectFunctionCall3(numeric_in, CStringGetDatum(c_string(from)),
                                                   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))
                             : 0;
    if (number == 0 || !exact(number))
        refuse(field, place, literal, "amount",
               "An amount has at most 18 digits before and 2 after the point.");
    return number;
}

DateADT date_of(const k2::Day &day)
{
    return date2j(day.year, day.month, day.day) - POSTGRES_EPOCH_JDATE;
}

Datum read_day(const Field &field, const Place &place, std::string_view literal)
{
    const std::optional<k2::Day> day = is_string(literal) ? k2::parse_day(words(literal)) : std::nullopt;
    if (!day)
        refuse(field, place, literal, "date", "A date is a day of the calendar as DD.MM.YYYY.");
    return DateADTGetDatum(date_of(*day));
}

Datum read_moment(const Field &field, const Place &place, Datum zone, std::string_view literal)
{
    const std::optional<Moment> moment = is_string(literal) ? parse_moment(words(literal)) : std::nullopt;
    if (!moment)
        refuse(field, place, literal, "date with time", "A date with a time is DD.MM.YYYY HH:MM:SS.");
    const Timestamp wall =
        static_cast<Timestamp>(date_of(moment->day)) * USECS_PER_DAY + moment->microseconds;
    return DirectFunctionCall2(timestamp_zone, zone, TimestampGetDatum(wall));
}

Datum read_flag(const Field &field, const Place &place, std::string_view literal)
{
    const std::string_view from = words(literal);
    bool value;
    if (!parse_bool_with_len(from.data(), from.size(), &value))
        refuse(field, place, literal, "boolean", "A boolean is true or false.");
    return BoolGetDatum(value);
}

} // namespace

std::string_view words(std::string_view literal)
{
    if (!is_string(literal))
        return literal;
    const std::string_view content = reply::inside(literal);
    if (!reply::has_escapes(content))
        return content;
    if (reply::has_unicode_escapes(content))
        return read_by_server(literal);
    char *decoded = static_cast<char *>(palloc(content.size()));
    return {decoded, reply::decode_simple(content, decoded)};
}

Datum read_value(const Field &field, const Place &place, Datum zone, std::string_view literal, bool *null)
{
    const bool blank = literal == "\"\"" && field.kind != Kind::text;
    *null = literal.empty() || literal == "null" || blank;
    if (*null && field.required)
        refuse_absent(field, place);
    if (*null)
        return 0;
    switch (field.kind) {
    case Kind::text:
        return make_text(is_string(literal) || prints_alike(literal) ? words(literal)
                                                                     : read_by_server(literal));
    case Kind::amount:
        return read_amount(field, place, literal);
    case Kind::day:
        return read_day(field, place, literal);
    case Kind::moment:
        return read_moment(field, place, zone, literal);
    case Kind::flag:
        break;
    }
    return read_flag(field, place, literal);
}

} // namespace autoclient
