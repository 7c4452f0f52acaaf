// The rows of transactions and balances (wire/autoclient.md sections 2.3 and 2.2) as tables of fields.
//
// Required is what the tables need: the key, the value date, the amount. A row of a statement is told from
// others of its account by TRANTYPE, REF and REFN.
#include "autoclient/list.hpp"

using autoclient::Field;
using autoclient::Kind;

static constexpr Field transaction_fields[] = {
    {"TRANTYPE", Kind::text, true},
    {"REF", Kind::text, true},
    {"REFN", Kind::text, true},
    {"AUT_MY_CRF", Kind::text},
    {"AUT_MY_MFO", Kind::text},
    {"AUT_MY_ACC", Kind::text},
    {"AUT_MY_NAM", Kind::text},
    {"AUT_MY_MFO_NAME", Kind::text},
    {"AUT_MY_MFO_CITY", Kind::text},
    {"AUT_CNTR_CRF", Kind::text},
    {"AUT_CNTR_MFO", Kind::text},
    {"AUT_CNTR_ACC", Kind::text},
    {"AUT_CNTR_NAM", Kind::text},
    {"AUT_CNTR_MFO_NAME", Kind::text},
    {"AUT_CNTR_MFO_CITY", Kind::text},
    {"CCY", Kind::text},
    {"FL_REAL", Kind::text},
    {"PR_PR", Kind::text},
    {"DOC_TYP", Kind::text},
    {"NUM_DOC", Kind::text},
    {"DAT_KL", Kind::day},
    {"DAT_OD", Kind::day, true},
    {"OSND", Kind::text},
    {"SUM", Kind::amount, true},
    {"SUM_E", Kind::amount},
    {"TIM_P", Kind::text},
    {"DATE_TIME_DAT_OD_TIM_P", Kind::moment},
    {"ID", Kind::text},
    {"DLR", Kind::text},
    {"TECHNICAL_TRANSACTION_ID", Kind::text},
    {"UETR", Kind::text},
    {"ULTMT", Kind::text},
    {"PAYER_ULTMT_NCEO", Kind::text},
    {"PAYER_ULTMT_DOCUMENT", Kind::text},
    {"PAYER_ULTMT_NAME", Kind::text},
    {"PAYER_ULTMT_COUNTRY_CODE", Kind::text},
    {"RECIPIENT_ULTMT_NCEO", Kind::text},
    {"RECIPIENT_ULTMT_DOCUMENT", Kind::text},
    {"RECIPIENT_ULTMT_NAME", Kind::text},
    {"RECIPIENT_ULTMT_COUNTRY_CODE", Kind::text},
    {"STRUCT_CODE", Kind::text},
    {"STRUCT_TYPE", Kind::text},
    {"STRUCT_CATEGORY", Kind::text},
};

static constexpr Field balance_fields[] = {
    {"acc", Kind::text, true},      {"dpd", Kind::day, true},         {"currency", Kind::text},
    {"is_final_bal", Kind::flag},   {"balanceIn", Kind::amount},      {"balanceOut", Kind::amount},
    {"turnoverDebt", Kind::amount}, {"turnoverCred", Kind::amount},   {"balanceInEq", Kind::amount},
    {"balanceOutEq", Kind::amount}, {"turnoverDebtEq", Kind::amount}, {"turnoverCredEq", Kind::amount},
};

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_read_transactions);
PG_FUNCTION_INFO_V1(k2bridge_read_balances);

PGDLLEXPORT Datum k2bridge_read_transactions(PG_FUNCTION_ARGS)
{
    return autoclient::read_list(fcinfo, {transaction_fields, lengthof(transaction_fields), 3});
}

PGDLLEXPORT Datum k2bridge_read_balances(PG_FUNCTION_ARGS)
{
    return autoclient::read_list(fcinfo, {balance_fields, lengthof(balance_fields), 2});
}
}
