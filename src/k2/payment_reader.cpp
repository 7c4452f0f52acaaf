// The items of k2extreq_pay_from_eko (wire/k2.md I2) and the request of k2extreq_by_dbz (I4) as tables of
// fields.
//
// Payments are facts: only what cannot be stored without is required. request_id is an echo, incoming_amount
// came with a later revision. A repeated trn_id is an error of its own item, so all items are returned.
#include "k2/payload.hpp"

using k2::Field;
using k2::Kind;

static constexpr Field payment_fields[] = {
    {"request_id", Kind::integer, false}, {"trn_id", Kind::integer, true},
    {"refer", Kind::text, true},          {"cur", Kind::text, true},
    {"amount", Kind::amount, true},       {"incoming_amount", Kind::amount, false},
};
static constexpr int payment_keys[] = {1};

static constexpr Field dbz_fields[] = {
    {"contract_number", Kind::text, true},
    {"dbz_dt", Kind::date, true},
};
static constexpr int dbz_keys[] = {0};

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_read_payments);
PG_FUNCTION_INFO_V1(k2bridge_read_dbz);

PGDLLEXPORT Datum k2bridge_read_payments(PG_FUNCTION_ARGS)
{
    return k2::read_batch(fcinfo, {payment_fields,
                                   lengthof(payment_fields),
                                   payment_keys,
                                   lengthof(payment_keys),
                                   k2::Repeats::all,
                                   {}});
}

PGDLLEXPORT Datum k2bridge_read_dbz(PG_FUNCTION_ARGS)
{
    return k2::read_batch(
        fcinfo, {dbz_fields, lengthof(dbz_fields), dbz_keys, lengthof(dbz_keys), k2::Repeats::all, {}});
}
}
