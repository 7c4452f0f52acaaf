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

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

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

    /* Writes the rows of all final days in advance, so that a page costs next to nothing: for benchmarks,
       where the bank shares the processors with what it measures. Holds until forget_written(), which every
       change of the books by a control request calls. */
    void write_final_days();
    void forget_written() { written_.clear(); }

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

    /* The rows of a day as they stand in a page, one behind the other without commas. */
    struct Written {
        struct Row {
            Place place;
            std::uint64_t id = 0;
            std::size_t end = 0; // offset in `text`
        };
        std::vector<Row> rows;
        std::string text;
    };

    /* A page in the making: its rows, how many, and the row the next page follows. */
    struct Page {
        std::string rows;
        std::size_t count = 0;
        std::string last;
    };

    bool append_day(Page &page, const Query &query, const Account &account, Day day,
                    std::optional<Place> after);
    static bool append_written(Page &page, const Query &query, const Written &day,
                               std::optional<Place> after);

    Query read_query(Window window, const Caller &caller, const Request &request) const;
    void read_days(Query &query, const Request &request) const;
    std::string balance_json(const Account &account, Day day) const;
    std::string leftover(const Query &query, const std::string &last) const;

    const Model &model_;
    const Ledger &ledger_;
    std::set<std::uint64_t> shown_;
    std::map<std::pair<std::uint32_t, Day>, Written> written_;
};

} // namespace sandbox::autoclient
