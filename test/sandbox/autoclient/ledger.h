/*
 * The bank's books: every posting of every account and day, derived on the fly from a seed, together with
 * the few that payments and tests have added, and the balances that follow from them.
 *
 * Promises: the same configuration and clock give the same rows in every run; closing = opening + credits
 * - debits over the rows shown as posted and real, in whole hundredths; a day costs time by its rows, a
 * balance of a final day is kept. Source: autoclient.md sections 2.2 to 2.4.
 */
#pragma once

#include "model.h"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::autoclient
{

/* Where a row stands within its day: in the order of these sections, then by slot. */
enum class Section : std::uint32_t { generated, transfer, carried, posted };

struct Place {
    Section section = Section::generated;
    std::uint32_t slot = 0;

    auto operator<=>(const Place &) const = default;
};

/* How a row differs while its day is open, the last day, and final. */
enum class Fate {
    plain,     // posted throughout
    slow,      // being posted (p) while its day is open
    reversed,  // posted, then reversed (t) when the day becomes final
    rejected,  // being posted, then rejected (n), then gone
    vanishing, // posted, then gone when the day becomes final
    late,      // appears when the day becomes final
    moved,     // goes to the next operational day when its day becomes final: the value date changes
    nameless   // without ID while it is interim
};

/* What a posting is, beside its amount. */
enum class Kind { income, transit, acquiring, expense, card, tax, fee, own_transfer, posted };

/* A row that a payment or a test has put into the books. */
struct Posting {
    char trantype = 'D';
    Amount amount = 0;
    int minute = 0;
    std::string ref;
    std::string refn = "1";
    std::string number;     // NUM_DOC
    std::string purpose;    // OSND
    std::string link;       // DLR, "" for null
    std::string other_code; // the counterparty
    std::string other_bank;
    std::string other_account;
    std::string other_name;
    char state = 'r';
    bool removed = false; // taken away by a test
};

struct Row {
    const Account *account = nullptr;
    Day day = 0;    // value date as it stands now
    Day origin = 0; // value date at first
    Place place;
    std::uint64_t id = 0; // online id
    std::uint64_t mix = 0;
    Amount amount = 0;
    char trantype = 'C';
    char state = 'r'; // PR_PR
    bool real = true; // FL_REAL
    bool final = false;
    int minute = 0;
    Fate fate = Fate::plain;
    Kind kind = Kind::income;
    std::array<char, 14> reference{};
    std::string_view refn;
    std::uint32_t partner = 0;        // own_transfer: the other account
    const Posting *posting = nullptr; // posted

    std::string_view ref() const;
    bool counts() const { return state == 'r' && real; }
};

struct Turnover {
    Amount debit = 0;
    Amount credit = 0;
    std::int64_t rows = 0;
};

class Ledger
{
public:
    using Visitor = std::function<bool(const Row &)>; // false ends the visit

    explicit Ledger(const Model &model) : model_(model) {}

    /* The rows that the statement of this day shows now, from the given place on. False when ended early. */
    bool visit(const Account &account, Day day, std::optional<Place> after, const Visitor &visitor) const;

    Turnover turnover(const Account &account, Day day) const;
    Amount opening(const Account &account, Day day) const;

    /* The row with this online id where it stands now; nothing when it is not shown. */
    std::optional<Row> find(std::uint64_t id) const;

    /* The row with this online id as it was first, shown or not. */
    std::optional<Row> at(std::uint64_t id) const;

    /* Adds a row to a day that is not in the future. Returns its online id. */
    std::uint64_t post(const Account &account, Day day, Posting posting);

    /* Changes a posted row; nothing happens to others. */
    Posting *posting(std::uint64_t id);
    void forget_balances() { closings_.clear(); }

    /* The bank's rate of a currency in hryvnias, in ten-thousandths. */
    std::int64_t rate(std::string_view currency, Day day) const;

private:
    struct Closings {
        Day next = 0; // first day that is not in `values`
        std::vector<Amount> values;
    };

    std::int64_t rows_of(const Account &account, Day day) const;
    Row generated(const Account &account, Day day, std::uint32_t slot) const;
    std::optional<Row> transfer(const Account &account, Day day, std::uint32_t slot) const;
    Row posted(const Account &account, Day day, std::uint32_t slot, const Posting &posting) const;
    bool shown(Row &row) const;
    static void carry(Row &row, Day day);
    Fate fate_of(const Account &account, Day day, std::uint32_t slot) const;
    bool visit_generated(const Account &account, Day day, std::uint32_t from, const Visitor &visitor) const;
    bool visit_transfers(const Account &account, Day day, std::uint32_t from, const Visitor &visitor) const;
    bool visit_carried(const Account &account, Day day, std::uint32_t from, const Visitor &visitor) const;
    bool visit_posted(const Account &account, Day day, std::uint32_t from, const Visitor &visitor) const;

    const Model &model_;
    std::map<std::pair<std::uint32_t, Day>, std::vector<Posting>> postings_;
    mutable std::map<std::uint32_t, Closings> closings_;
};

} // namespace sandbox::autoclient
