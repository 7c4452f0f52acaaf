// k2.iin_valid and k2.iban_valid (identifiers.hpp), and what the check digits promise, tested by the
// compiler.
#include "k2/identifiers.hpp"
#include "pg/pg.hpp"

// Synthetic numbers of wire/k2.md sections 8.3 and 8.4.
static_assert(k2::iin_valid("000000000010") && k2::iin_valid("000000000090"));
static_assert(k2::iin_valid("000000000101") && k2::iin_valid("000000000125") &&
              k2::iin_valid("000040000019"));
static_assert(!k2::iin_valid("000000000001") && !k2::iin_valid("000000002810") &&
              !k2::iin_valid("00000000010"));
static_assert(k2::iban_valid("KZ68601TEST000000001") && k2::iban_valid("KZ49998TEST000000001"));
static_assert(!k2::iban_valid("KZ000000000000000000") && !k2::iban_valid("KZ12722R00000000000"));

static std::string_view argument(FunctionCallInfo fcinfo)
{
    const text *value = PG_GETARG_TEXT_PP(0);
    return {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_iin_valid);
PG_FUNCTION_INFO_V1(k2bridge_iban_valid);

PGDLLEXPORT Datum k2bridge_iin_valid(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(k2::iin_valid(argument(fcinfo)));
}
PGDLLEXPORT Datum k2bridge_iban_valid(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(k2::iban_valid(argument(fcinfo)));
}
}
