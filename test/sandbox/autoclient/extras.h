/*
 * The single calls: receipts as PDF, the acquiring statement, the counterparty check.
 *
 * Promises: receipts only of rows that the statement shows; acquiring amounts are JSON numbers with
 * Tran_Amt = Acq_Amt + Ret_Amt; both repeat in every run. Errors are of the gateway family. Source:
 * autoclient.md sections 11 to 13.
 */
#pragma once

#include "gate.h"
#include "ledger.h"

namespace sandbox::autoclient
{

Reply receipts(const Model &model, const Ledger &ledger, const Caller &caller, const Request &request);
Reply acquiring(const Model &model, const Caller &caller);
Reply counterparty(const Caller &caller, const Request &request);

} // namespace sandbox::autoclient
