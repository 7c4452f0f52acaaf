/*
 * The bank's books: turnovers, balances, lookups by id, added rows and rates. Contracts stand in ledger.h.
 */
#include "ledger.h"

#include "row_id.h"

namespace sandbox::autoclient
{

Turnover Ledger::turnover(const Account &account, Day day) const
{
    Turnover sum;
    visit(account, day, std::nullopt, [&](const Row &row) {
        ++sum.rows;
        if (row.counts())
            (row.trantype == 'D' ? sum.debit : sum.credit) += row.amount;
        return true;
    });
    return sum;
}

Amount Ledger::opening(const Account &account, Day day) const
{
    Closings &kept = closings_[account.index];
    if (kept.values.empty()) {
        kept.next = account.opened;
        kept.values.push_back(account.start);
    }
    while (kept.next < day && model_.clock.stage(kept.next) == Stage::final) {
        const Turnover sum = turnover(account, kept.next++);
        kept.values.push_back(kept.values.back() + sum.credit - sum.debit);
    }
    if (day <= account.opened)
        return account.start;
    if (day <= kept.next)
        return kept.values[static_cast<std::size_t>(day - account.opened)];
    Amount balance = kept.values.back();
    for (Day each = kept.next; each < day; ++each) {
        const Turnover sum = turnover(account, each);
        balance += sum.credit - sum.debit;
    }
    return balance;
}

std::optional<Row> Ledger::at(std::uint64_t id) const
{
    const RowKey key = row_key(id);
    if (id < first_id || key.account >= model_.accounts.size())
        return std::nullopt;
    const Account &account = model_.accounts[key.account];
    if (key.place.section == Section::generated && key.place.slot < rows_of(account, key.day))
        return generated(account, key.day, key.place.slot);
    if (key.place.section == Section::transfer)
        return transfer(account, key.day, key.place.slot);
    const auto found = postings_.find({key.account, key.day});
    if (key.place.section != Section::posted || found == postings_.end() ||
        key.place.slot >= found->second.size())
        return std::nullopt;
    return posted(account, key.day, key.place.slot, found->second[key.place.slot]);
}

std::optional<Row> Ledger::find(std::uint64_t id) const
{
    std::optional<Row> row = at(id);
    if (!row || shown(*row))
        return row;
    if (row->fate != Fate::moved || !row->final)
        return std::nullopt;
    carry(*row, model_.clock.next(row->origin));
    return shown(*row) ? row : std::nullopt;
}

std::uint64_t Ledger::post(const Account &account, Day day, Posting posting)
{
    std::vector<Posting> &rows = postings_[{account.index, day}];
    const auto slot = static_cast<std::uint32_t>(rows.size());
    rows.push_back(std::move(posting));
    forget_balances();
    return row_id(account.index, day, {Section::posted, slot});
}

Posting *Ledger::posting(std::uint64_t id)
{
    const RowKey key = row_key(id);
    const auto found = postings_.find({key.account, key.day});
    if (id < first_id || key.place.section != Section::posted || found == postings_.end() ||
        key.place.slot >= found->second.size())
        return nullptr;
    return &found->second[key.place.slot];
}

std::int64_t Ledger::rate(std::string_view currency, Day day) const
{
    if (currency == "UAH")
        return 10000;
    const std::int64_t base = currency == "USD" ? 417886 : currency == "EUR" ? 482240 : 550360;
    const std::uint64_t drift =
        mixed(model_.habits.seed + 9, static_cast<std::uint64_t>(base), static_cast<std::uint64_t>(day)) %
        6000;
    return base + static_cast<std::int64_t>(drift) - 3000;
}

} // namespace sandbox::autoclient
