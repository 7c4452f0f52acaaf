/*
 * Balances and transactions of the Autoclient half: what is asked, page by page.
 *
 * Promises: accounts in the order they were opened, days and rows in order; a page never holds more than
 * its limit; exist_next_page says whether another row follows. Source: autoclient.md sections 2.2 to 2.5.
 */
#pragma once

#include "gate.h"
#include "ledger.h"

#include "../message.h"

#include <set>
#include <string>

namespace sandbox::autoclient
{

/* Which days a call covers: those of its parameters, lastday to today, or the last final day. */
enum class Window { range, interim, final };

class Statements
{
public:
    Statements(const Model &model, const Ledger &ledger) : model_(model), ledger_(ledger) {}

    /* May throw RefusedWith. */
    Reply balances(Window window, const Caller &caller, const Request &request) const;
    Reply transactions(Window window, const Caller &caller, const Request &request);

    /* Online ids of rows that have been shown and may yet change or vanish. */
    const std::set<std::uint64_t> &shown() const { return shown_; }

private:
    struct Query {
        std::vector<const Account *> accounts;
        Day from = 0;
        Day to = 0;
        std::size_t limit = 20;
        std::string follow;
    };

    Query read_query(Window window, const Caller &caller, const Request &request) const;
    void read_days(Query &query, const Request &request) const;
    std::string balance_json(const Account &account, Day day) const;
    std::string leftover(const Query &query, const std::string &last) const;

    const Model &model_;
    const Ledger &ledger_;
    std::set<std::uint64_t> shown_;
};

} // namespace sandbox::autoclient
