/*
 * The bank's books: how rows are derived and what becomes of them. Balances and lookups are in
 * ledger_balance.cpp, contracts in ledger.h.
 */
#include "ledger.h"

#include "row_id.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

constexpr std::uint32_t fated_slots = 8; // only the first rows of a day have a fate
constexpr std::uint32_t transfers_per_day = 2;
constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* 14 capital letters and digits, different for different numbers below 2^60: the multiplier is odd. */
std::array<char, 14> reference_of(std::uint64_t number)
{
    std::array<char, 14> out{};
    std::uint64_t rest = (number * 0x9E3779B97F4A7C15U) & ((1ULL << 60) - 1);
    out[0] = "DJKBN"[number % 5];
    out[1] = "N3BK"[number % 4];
    for (std::size_t i = out.size(); i-- > 2; rest /= digits.size())
        out[i] = digits[rest % digits.size()];
    return out;
}

Amount amount_of(std::uint64_t mix)
{
    if (mix % 97 == 0)
        return 1 + static_cast<Amount>(mix >> 32 & 7);
    const Amount scale = mix % 11 == 0 ? 9000000 : mix % 3 == 0 ? 450000 : 90000;
    return 1 + static_cast<Amount>((mix >> 24) % static_cast<std::uint64_t>(scale));
}

Kind kind_of(std::uint64_t mix, char trantype)
{
    const std::uint64_t choice = mix >> 20 & 15;
    if (trantype == 'C')
        return choice < 2 ? Kind::transit : choice < 4 ? Kind::acquiring : Kind::income;
    return choice == 0 ? Kind::tax : choice < 4 ? Kind::card : Kind::expense;
}

/* Spread over the day in the order of the slots; Kyiv skips an hour once a year. */
int minute_of(Day day, std::uint32_t slot, std::int64_t count)
{
    const int minute = static_cast<int>((static_cast<std::int64_t>(slot) * 2 + 1) * 1440 / (count * 2));
    return minute / 60 == 3 && clock_goes_forward(day) ? 4 * 60 : minute;
}

} // namespace

std::string_view Row::ref() const
{
    return posting ? std::string_view(posting->ref) : std::string_view(reference.data(), reference.size());
}

std::int64_t Ledger::rows_of(const Account &account, Day day) const
{
    if (!account.active(day) || !model_.clock.operational(day) || account.rows == 0)
        return 0;
    if (!model_.habits.vary)
        return account.rows;
    const std::uint64_t span = static_cast<std::uint64_t>(account.rows) * 2 + 1;
    return static_cast<std::int64_t>(
        mixed(model_.habits.seed, account.index, static_cast<std::uint64_t>(day), 1) % span);
}

Fate Ledger::fate_of(const Account &account, Day day, std::uint32_t slot) const
{
    if (!model_.habits.oddities || slot >= fated_slots)
        return Fate::plain;
    const std::uint64_t draw =
        mixed(model_.habits.seed + 7, account.index, static_cast<std::uint64_t>(day), slot) % 24;
    return draw >= 1 && draw <= 7 ? static_cast<Fate>(draw) : Fate::plain;
}

Row Ledger::generated(const Account &account, Day day, std::uint32_t slot) const
{
    const std::int64_t count = rows_of(account, day);
    const bool second = slot % 7 == 6; // a fee with the reference of the row before
    Row row;
    row.account = &account;
    row.day = row.origin = day;
    row.place = {Section::generated, slot};
    row.id = row_id(account.index, day, row.place);
    row.mix = mixed(model_.habits.seed, account.index, static_cast<std::uint64_t>(day), slot + 100ULL);
    row.reference = reference_of(row_id(account.index, day, {Section::generated, slot - (second ? 1 : 0)}));
    row.refn = second || slot % 7 == 5   ? (second ? "2" : "1")
               : (row.mix >> 5) % 3 == 0 ? "1"
               : (row.mix >> 5) % 3 == 1 ? "P"
                                         : "Y";
    row.trantype = second || row.mix >> 12 & 1 ? 'D' : 'C';
    row.kind = second ? Kind::fee : kind_of(row.mix, row.trantype);
    row.amount = second ? 50 + static_cast<Amount>(row.mix >> 40 & 255) : amount_of(row.mix);
    row.minute = minute_of(day, slot, count);
    row.real = !model_.habits.oddities || second || row.mix >> 48 & 31;
    row.fate = fate_of(account, day, slot);
    return row;
}

std::optional<Row> Ledger::transfer(const Account &account, Day day, std::uint32_t slot) const
{
    std::vector<std::uint32_t> own;
    for (const Account &each : model_.accounts)
        if (each.company == account.company && each.currency == "UAH" && each.active(day))
            own.push_back(each.index);
    const std::uint64_t mix =
        mixed(model_.habits.seed + 3, account.company, static_cast<std::uint64_t>(day), slot);
    if (!model_.habits.oddities || own.size() < 2 || !model_.clock.operational(day) || account.rows == 0 ||
        slot > mix % transfers_per_day)
        return std::nullopt;
    const std::uint32_t from = own[mix % own.size()];
    const std::uint32_t to = own[(mix % own.size() + 1 + (mix >> 8) % (own.size() - 1)) % own.size()];
    if (account.index != from && account.index != to)
        return std::nullopt;
    Row row;
    row.account = &account;
    row.day = row.origin = day;
    row.place = {Section::transfer, slot};
    row.id = row_id(account.index, day, row.place);
    row.mix = mix;
    row.reference = reference_of(row_id(from, day, row.place));
    row.refn = "1";
    row.trantype = account.index == from ? 'D' : 'C';
    row.partner = account.index == from ? to : from;
    row.kind = Kind::own_transfer;
    row.amount = amount_of(mix >> 3);
    row.minute = 9 * 60 + 17 + static_cast<int>(slot) * 61;
    return row;
}

Row Ledger::posted(const Account &account, Day day, std::uint32_t slot, const Posting &posting) const
{
    Row row;
    row.account = &account;
    row.day = row.origin = day;
    row.place = {Section::posted, slot};
    row.id = row_id(account.index, day, row.place);
    row.mix = mixed(model_.habits.seed + 5, account.index, static_cast<std::uint64_t>(day), slot);
    row.refn = posting.refn;
    row.trantype = posting.trantype;
    row.state = posting.state;
    row.kind = Kind::posted;
    row.amount = posting.amount;
    row.minute = posting.minute;
    row.posting = &posting;
    return row;
}

/* Sets state and finality by the stage of the row's day; false when the statement does not show it there. */
bool Ledger::shown(Row &row) const
{
    const Stage stage = model_.clock.stage(row.day);
    row.final = stage == Stage::final;
    if (stage == Stage::future)
        return false;
    if (row.posting)
        return !row.posting->removed;
    if (stage == Stage::today && row.minute > model_.clock.seconds / 60)
        return false;
    switch (row.fate) {
    case Fate::slow:
        row.state = stage == Stage::today ? 'p' : 'r';
        return true;
    case Fate::reversed:
        row.state = row.final ? 't' : 'r';
        return true;
    case Fate::rejected:
        row.state = stage == Stage::today ? 'p' : 'n';
        return !row.final;
    case Fate::vanishing:
        return !row.final;
    case Fate::late:
        return row.final;
    case Fate::moved:
        return row.day != row.origin || !row.final;
    default:
        return true;
    }
}

/* Moves a row to the day it was carried over to. */
void Ledger::carry(Row &row, Day day)
{
    row.day = day;
    row.minute = 0;
    row.place.section = Section::carried;
}

bool Ledger::visit_generated(const Account &account, Day day, std::uint32_t from,
                             const Visitor &visitor) const
{
    const auto count = static_cast<std::uint32_t>(rows_of(account, day));
    for (std::uint32_t slot = from; slot < count; ++slot) {
        Row row = generated(account, day, slot);
        if (shown(row) && !visitor(row))
            return false;
    }
    return true;
}

bool Ledger::visit_transfers(const Account &account, Day day, std::uint32_t from,
                             const Visitor &visitor) const
{
    for (std::uint32_t slot = from; slot < transfers_per_day; ++slot)
        if (std::optional<Row> row = transfer(account, day, slot); row && shown(*row) && !visitor(*row))
            return false;
    return true;
}

bool Ledger::visit_carried(const Account &account, Day day, std::uint32_t from, const Visitor &visitor) const
{
    const Day before = model_.clock.previous(day);
    if (!model_.habits.oddities || !model_.clock.operational(day) ||
        model_.clock.stage(before) != Stage::final)
        return true;
    const auto count =
        static_cast<std::uint32_t>(std::min<std::int64_t>(rows_of(account, before), fated_slots));
    for (std::uint32_t slot = from; slot < count; ++slot) {
        if (fate_of(account, before, slot) != Fate::moved)
            continue;
        Row row = generated(account, before, slot);
        carry(row, day);
        if (shown(row) && !visitor(row))
            return false;
    }
    return true;
}

bool Ledger::visit_posted(const Account &account, Day day, std::uint32_t from, const Visitor &visitor) const
{
    const auto found = postings_.find({account.index, day});
    if (found == postings_.end())
        return true;
    for (std::uint32_t slot = from; slot < found->second.size(); ++slot) {
        Row row = posted(account, day, slot, found->second[slot]);
        if (shown(row) && !visitor(row))
            return false;
    }
    return true;
}

bool Ledger::visit(const Account &account, Day day, std::optional<Place> after, const Visitor &visitor) const
{
    const auto from = [&](Section section) -> std::optional<std::uint32_t> {
        if (!after || section > after->section)
            return 0;
        return section == after->section ? std::optional(after->slot + 1) : std::nullopt;
    };
    using Visit = bool (Ledger::*)(const Account &, Day, std::uint32_t, const Visitor &) const;
    const std::array<Visit, 4> sections = {&Ledger::visit_generated, &Ledger::visit_transfers,
                                           &Ledger::visit_carried, &Ledger::visit_posted};
    for (std::size_t i = 0; i < sections.size(); ++i)
        if (const auto start = from(static_cast<Section>(i));
            start && !(this->*sections[i])(account, day, *start, visitor))
            return false;
    return true;
}

} // namespace sandbox::autoclient
