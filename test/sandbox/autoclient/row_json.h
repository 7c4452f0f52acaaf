/*
 * A row of the books as the statement shows it: one JSON object with the fields of autoclient.md 2.3.
 *
 * Promises: appends only, so that tens of thousands of rows a second are possible; all values are strings
 * or null; the text is ASCII and the repertoire of windows-1251.
 */
#pragma once

#include "ledger.h"

#include <string>

namespace sandbox::autoclient
{

/* Appends the object of one row. */
void append_row(std::string &out, const Row &row, const Ledger &ledger, const Model &model);

/* ID and TECHNICAL_TRANSACTION_ID of a row; the former is empty for null. */
std::string row_name(const Row &row);
std::string technical_id(const Row &row);

} // namespace sandbox::autoclient
