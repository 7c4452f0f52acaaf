/*
 * What the bank holds, told to tests: rows with amounts and finality, balances, sums, and rows that were
 * shown and are gone.
 */
#include "autoclient.h"

#include "row_json.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

std::string row_truth(const Row &row, const Ledger &ledger)
{
    JsonObject out;
    out.text("acc", row.account->iban).text("trantype", std::string_view(&row.trantype, 1));
    out.text("ref", row.ref()).text("refn", row.refn).text("sum", amount_text(row.amount));
    out.text("sum_e", amount_text(at_rate(row.amount, ledger.rate(row.account->currency, row.day))));
    out.text("dat_od", day_text(row.day, DayForm::iso)).text("time", time_text(row.minute * 60));
    out.text("pr_pr", std::string_view(&row.state, 1)).text("fl_real", row.real ? "r" : "i");
    out.flag("is_final", row.final).text("id", row_name(row));
    out.number("number", static_cast<std::int64_t>(row.id));
    if (row.posting && !row.posting->link.empty())
        out.text("dlr", row.posting->link);
    return out.str();
}

std::string balance_truth(const Account &account, Day day, const Ledger &ledger, const Clock &clock)
{
    const Turnover sum = ledger.turnover(account, day);
    const Amount in = ledger.opening(account, day);
    return JsonObject()
        .text("acc", account.iban)
        .text("day", day_text(day, DayForm::iso))
        .text("balance_in", amount_text(in))
        .text("balance_out", amount_text(in + sum.credit - sum.debit))
        .text("turnover_debt", amount_text(sum.debit))
        .text("turnover_cred", amount_text(sum.credit))
        .number("rows", sum.rows)
        .flag("is_final", clock.stage(day) == Stage::final)
        .str();
}

std::optional<Day> day_parameter(const Request &request, std::string_view name)
{
    const std::string *text = request.parameter(name);
    if (!text)
        return std::nullopt;
    const std::optional<Day> day = read_day(*text, DayForm::iso);
    if (!day)
        throw Refused(400, std::string(name) + " must be YYYY-MM-DD");
    return day;
}

} // namespace

std::string Autoclient::truth_json(const Request &request) const
{
    const Model &model = books_->model;
    const Ledger &ledger = books_->ledger;
    const Day today = model.clock.today();
    const Day to = std::min(day_parameter(request, "to").value_or(today), today);
    const std::string *acc = request.parameter("acc");
    const std::string *company = request.parameter("company");
    JsonArray rows;
    JsonArray balances;
    JsonArray gone;
    for (const Account &account : model.accounts) {
        if ((acc && *acc != account.iban && *acc != account.number) ||
            (company && *company != model.companies[account.company].id))
            continue;
        for (Day day = std::max(day_parameter(request, "from").value_or(account.opened), account.opened);
             day <= to; ++day) {
            ledger.visit(account, day, std::nullopt, [&](const Row &row) {
                rows.raw(row_truth(row, ledger));
                return true;
            });
            if (model.clock.operational(day) && account.active(day))
                balances.raw(balance_truth(account, day, ledger, model.clock));
        }
        for (std::uint64_t id : books_->statements.shown())
            if (const std::optional<Row> row = ledger.at(id);
                row && row->account == &account && !ledger.find(id))
                gone.raw(row_truth(*row, ledger));
    }
    return JsonObject()
        .raw("rows", rows.str())
        .raw("gone", gone.str())
        .raw("balances", balances.str())
        .number("drafts", books_->payments.drafts())
        .str();
}

std::string Autoclient::totals_json() const
{
    const Model &model = books_->model;
    JsonArray accounts;
    std::int64_t all = 0;
    for (const Account &account : model.accounts) {
        Turnover sum;
        std::int64_t final_rows = 0;
        for (Day day = account.opened; day <= model.clock.today(); ++day) {
            const Turnover part = books_->ledger.turnover(account, day);
            sum.rows += part.rows;
            sum.debit += part.debit;
            sum.credit += part.credit;
            final_rows += model.clock.stage(day) == Stage::final ? part.rows : 0;
        }
        all += sum.rows;
        accounts.raw(JsonObject()
                         .text("acc", account.iban)
                         .number("rows", sum.rows)
                         .number("final_rows", final_rows)
                         .text("debit", amount_text(sum.debit))
                         .text("credit", amount_text(sum.credit))
                         .text("balance", amount_text(account.start + sum.credit - sum.debit))
                         .str());
    }
    return JsonObject()
        .number("rows", all)
        .number("drafts", books_->payments.drafts())
        .raw("accounts", accounts.str())
        .str();
}

} // namespace sandbox::autoclient
