/*
 * Currency rates: the current ones and the history by day.
 *
 * Promises: seven decimals in strings; the rate of a day never changes and is the one statements convert
 * with. Source: autoclient.md section 4.
 */
#pragma once

#include "gate.h"
#include "ledger.h"

namespace sandbox::autoclient
{

Reply current_rates(const Model &model, const Ledger &ledger, const Request &request);

/* One row per day and currency; at most 15 days. */
Reply rate_history(const Model &model, const Ledger &ledger, const Request &request);

} // namespace sandbox::autoclient
