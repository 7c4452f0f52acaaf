// The items of k2loan_from_eko (wire/k2.md I1) and k2loan_sync_debt (I3) as tables of fields.
//
// Required is what every sender has always sent; fields that came with later revisions of I1 stay optional.
// The IIN is read first, since its error is the documented one. What is part of a key must fit into an index.
#include "k2/payload.hpp"

using k2::Field;
using k2::Kind;

static constexpr Field loan_fields[] = {
    {"iinbin", Kind::iin, true},
    {"request_id", Kind::integer, false},
    {"iban", Kind::iban, false},
    {"cur", Kind::text, true},
    {"debt", Kind::amount, true},
    {"fullname", Kind::text, true},
    {"contract_number", Kind::text, true, 255},
    {"dbz_contract_number", Kind::text, true, 255},
    {"dbz_dt", Kind::date, false},
    {"dep_id", Kind::integer, false},
    {"id", Kind::integer, false},
    {"problemfl", Kind::integer, false, 4},
    {"segment", Kind::text, false, 20},
    {"dea_dord", Kind::date, false},
    {"dea_dep_id", Kind::integer, false},
    {"dea_id", Kind::integer, false},
    {"dea_code", Kind::text, false},
    {"overdue_days", Kind::integer, true, 4},
    {"system", Kind::text, true, 50},
};
// In the order of the key of k2.loan.
static constexpr int loan_keys[] = {6, 18};
static_assert(loan_fields[loan_keys[0]].key == "contract_number" &&
              loan_fields[loan_keys[1]].key == "system");
// The account, with which Way4 names a contract.
static constexpr k2::Demand loan_demand = {2, 18};
static_assert(loan_fields[loan_demand.needed].key == "iban" &&
              loan_fields[loan_demand.where].key == "system");

static constexpr Field debt_fields[] = {
    {"request_id", Kind::integer, false},
    {"debt", Kind::balance, true},
    {"contract_number", Kind::text, true},
};
static constexpr int debt_keys[] = {2};
static_assert(debt_fields[debt_keys[0]].key == "contract_number");

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_read_loans);
PG_FUNCTION_INFO_V1(k2bridge_read_debts);

PGDLLEXPORT Datum k2bridge_read_loans(PG_FUNCTION_ARGS)
{
    return k2::read_batch(fcinfo, {loan_fields,
                                   lengthof(loan_fields),
                                   loan_keys,
                                   lengthof(loan_keys),
                                   k2::Repeats::last_wins,
                                   {15, "Неверная длина ИИН"},
                                   loan_demand});
}

PGDLLEXPORT Datum k2bridge_read_debts(PG_FUNCTION_ARGS)
{
    return k2::read_batch(
        fcinfo,
        {debt_fields, lengthof(debt_fields), debt_keys, lengthof(debt_keys), k2::Repeats::last_wins, {}});
}
}
