/*
 * Balances and transactions of the Autoclient half. Contracts stand in statements.h.
 */
#include "statements.h"

#include "row_json.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

constexpr Day oldest_days = 1095;

std::string page_json(std::string_view type, bool more, const std::string &next, std::string rows)
{
    std::string out = R"({"status":"SUCCESS","type":")" + std::string(type) + R"(","exist_next_page":)";
    out += more ? "true" : "false";
    if (next == "null")
        out += ",\"next_page_id\":null";
    else if (!next.empty())
        out += ",\"next_page_id\":" + json_string(next);
    return out + ",\"" + std::string(type) + "\":[" + std::move(rows) + "]}";
}

std::size_t read_limit(Window window, const Request &request)
{
    const std::string text = parameter(request, "limit");
    const std::size_t highest = window == Window::interim ? 100 : 500;
    if (text.empty())
        return 20;
    if (!is_integer(text) || text.size() > 9 || std::stoll(text) < 1 ||
        std::stoll(text) > static_cast<std::int64_t>(highest))
        refuse(400, "limit must be from 1 to " + std::to_string(highest));
    return std::stoul(text);
}

std::optional<Day> read_day_parameter(const Request &request, std::string_view name)
{
    const std::string text = parameter(request, name);
    if (text.empty())
        return std::nullopt;
    const std::optional<Day> day = read_day(text, DayForm::hyphened);
    if (!day)
        refuse(400, std::string(name) + " must be DD-MM-YYYY");
    return day;
}

/* The online id and whether the row was final in "<digits>", "<digits>_online" and "<digits>_final". */
std::optional<std::pair<std::uint64_t, bool>> read_follow(std::string_view text)
{
    const bool final = text.ends_with("_final");
    if (final || text.ends_with("_online"))
        text = text.substr(0, text.rfind('_'));
    if (text.empty() || text.size() > 18 || !is_digits(text, text.size()))
        return std::nullopt;
    return std::pair(std::stoull(std::string(text)), final);
}

} // namespace

void Statements::read_days(Query &query, const Request &request) const
{
    const std::optional<Day> start = read_day_parameter(request, "startDate");
    if (!start)
        refuse(400, "startDate is absent");
    query.from = *start;
    query.to = read_day_parameter(request, "endDate").value_or(model_.clock.today());
    if (query.to < query.from)
        refuse(400, "endDate is before startDate");
    if (query.from < model_.clock.calendar - oldest_days)
        refuse(416, "startDate is more than 1095 days ago");
    query.to = std::min(query.to, model_.clock.today());
}

Statements::Query Statements::read_query(Window window, const Caller &caller, const Request &request) const
{
    if (window == Window::range)
        know_parameters(request, {"acc", "startDate", "endDate", "followId", "limit"});
    else
        know_parameters(request, {"acc", "followId", "limit"});
    Query query;
    query.from = window == Window::interim ? model_.clock.lastday() : model_.clock.final_day();
    query.to = window == Window::interim ? model_.clock.today() : model_.clock.final_day();
    if (window == Window::range)
        read_days(query, request);
    query.limit = read_limit(window, request);
    query.follow = parameter(request, "followId");
    const std::string wanted = parameter(request, "acc");
    if (wanted.empty()) {
        for (const Account &each : model_.accounts)
            if (each.company == caller.company && each.active(model_.clock.today()))
                query.accounts.push_back(&each);
        return query;
    }
    const Account *account = model_.account(wanted);
    if (!account || account->company != caller.company)
        refuse(400, "Account is not found: " + wanted);
    query.accounts.push_back(account);
    return query;
}

std::string Statements::leftover(const Query &query, const std::string &last) const
{
    const std::string &habit = model_.habits.leftover;
    const std::uint64_t draw =
        mixed(model_.habits.seed, query.limit, query.accounts.size(), static_cast<std::uint64_t>(query.to)) %
        3;
    if (habit == "absent" || (habit == "auto" && draw == 0))
        return "";
    if (habit == "null" || last.empty() || (habit == "auto" && draw == 1))
        return "null";
    return last;
}

std::string Statements::balance_json(const Account &account, Day day) const
{
    const Turnover sum = ledger_.turnover(account, day);
    const Amount in = ledger_.opening(account, day);
    const std::int64_t rate = ledger_.rate(account.currency, day);
    JsonObject out;
    out.text("acc", account.iban).text("currency", account.currency);
    const auto both = [&](const std::string &name, Amount amount) {
        out.text(name, amount_text(amount)).text(name + "Eq", amount_text(at_rate(amount, rate)));
    };
    both("balanceIn", in);
    both("balanceOut", in + sum.credit - sum.debit);
    both("turnoverDebt", sum.debit);
    both("turnoverCred", sum.credit);
    const auto midnight = [](Day each) { return day_text(each, DayForm::dotted) + " 00:00:00"; };
    out.text("bgfIBrnm", " ").text("brnm", "DNH0").text("dpd", midnight(day)).text("nameACC", account.name);
    out.text("state", account.index % 2 == 0 ? "a" : "l").text("atp", account.currency == "UAH" ? "T" : "D");
    out.text("flmn", account.index % 2 == 0 ? "KP" : "DN");
    out.text("date_open_acc_reg", day_text(account.opened, DayForm::dotted) + " 12:14:34");
    out.text("date_open_acc_sys", midnight(account.opened));
    out.text("date_close_acc", account.closed ? midnight(*account.closed) : "01.01.1900 00:00:00");
    out.flag("is_final_bal", model_.clock.stage(day) == Stage::final);
    return out.str();
}

Reply Statements::balances(Window window, const Caller &caller, const Request &request) const
{
    const Query query = read_query(window, caller, request);
    const std::string_view after(query.follow);
    const std::string after_number(after.substr(0, 14));
    std::optional<Day> after_day;
    auto first = query.accounts.begin();
    if (!query.follow.empty()) {
        const auto named = [&](const Account *each) { return each->number == after_number; };
        first = std::find_if(first, query.accounts.end(), named);
        if (after.size() > 15 && after[14] == '_')
            after_day = read_day(after.substr(15), DayForm::hyphened);
        if (first == query.accounts.end() || (after.size() != 14 && !after_day))
            refuse(400, "followId is not found");
        first += after_day ? 0 : 1;
    }
    std::string rows;
    std::size_t count = 0;
    std::string last;
    for (auto each = first; each != query.accounts.end(); ++each) {
        const Account &account = **each;
        Day day = std::max(query.from, account.opened);
        if (after_day && each == first)
            day = std::max(day, *after_day + 1);
        for (; day <= query.to; ++day) {
            if (!model_.clock.operational(day) || !account.active(day) ||
                (!model_.habits.quiet_day_rows && ledger_.turnover(account, day).rows == 0))
                continue;
            if (count == query.limit)
                return json_reply(page_json("balances", true, last, std::move(rows)));
            rows += (count++ > 0 ? "," : "") + balance_json(account, day);
            last = account.number + "_" + day_text(day, DayForm::hyphened);
        }
        last = count > 0 ? account.number : last;
    }
    return json_reply(page_json("balances", false, leftover(query, last), std::move(rows)));
}

Reply Statements::transactions(Window window, const Caller &caller, const Request &request)
{
    const Query query = read_query(window, caller, request);
    auto account = query.accounts.begin();
    Day day = query.from;
    std::optional<Place> after;
    if (!query.follow.empty()) {
        const auto follow = read_follow(query.follow);
        const std::optional<Row> row = follow ? ledger_.find(follow->first) : std::nullopt;
        account = row ? std::find(account, query.accounts.end(), row->account) : query.accounts.end();
        if (account == query.accounts.end() || row->final != follow->second || row->day < query.from ||
            row->day > query.to)
            refuse(400, "followId is not found");
        day = row->day;
        after = row->place;
    }
    Page page;
    page.rows.reserve(query.limit * 1400);
    for (; account != query.accounts.end(); ++account, day = query.from)
        for (; day <= query.to; ++day, after.reset())
            if (!append_day(page, query, **account, day, after))
                return json_reply(page_json("transactions", true, page.last, std::move(page.rows)));
    return json_reply(page_json("transactions", false, leftover(query, page.last), std::move(page.rows)));
}

/* False when the page is full before the day ends. */
bool Statements::append_day(Page &page, const Query &query, const Account &account, Day day,
                            std::optional<Place> after)
{
    if (const auto written = written_.find({account.index, day}); written != written_.end())
        return append_written(page, query, written->second, after);
    return ledger_.visit(account, day, after, [&](const Row &row) {
        if (page.count == query.limit)
            return false;
        if (page.count++ > 0)
            page.rows += ',';
        append_row(page.rows, row, ledger_, model_);
        page.last = std::to_string(row.id) + (row.final ? "_final" : "_online");
        if (row.posting || (!row.final && row.fate != Fate::plain))
            shown_.insert(row.id);
        return true;
    });
}

bool Statements::append_written(Page &page, const Query &query, const Written &day,
                                std::optional<Place> after)
{
    std::size_t begin = 0;
    for (const Written::Row &row : day.rows) {
        const std::size_t from = begin;
        begin = row.end;
        if (after && row.place <= *after)
            continue;
        if (page.count == query.limit)
            return false;
        if (page.count++ > 0)
            page.rows += ',';
        page.rows.append(day.text, from, row.end - from);
        page.last = std::to_string(row.id) + "_final";
    }
    return true;
}

void Statements::write_final_days()
{
    for (const Account &account : model_.accounts) {
        for (Day day = account.opened; day <= model_.clock.final_day(); ++day) {
            Written written;
            const bool fixed = ledger_.visit(account, day, std::nullopt, [&](const Row &row) {
                append_row(written.text, row, ledger_, model_);
                written.rows.push_back({row.place, row.id, written.text.size()});
                return row.posting == nullptr;
            });
            if (fixed)
                written_.insert_or_assign({account.index, day}, std::move(written));
        }
    }
}

} // namespace sandbox::autoclient
