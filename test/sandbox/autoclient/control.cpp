/*
 * What tests ask and set about the Autoclient half under /_/ac/ (README, "The Autoclient bank").
 */
#include "autoclient.h"

#include "options.h"

#include "../text.h"

namespace sandbox::autoclient
{

namespace
{

Reply done()
{
    return json_reply(JsonObject().flag("ok", true).str());
}

const Account &account_named(const Model &model, const std::string &name)
{
    const Account *account = model.account(name);
    if (!account)
        throw Refused(404, "no such account: " + name);
    return *account;
}

Amount amount_named(const Options &options, std::string_view name)
{
    const std::optional<Amount> amount = read_amount(options.text(name, ""));
    if (!amount)
        options.refuse(name, "must be a decimal in a string");
    return *amount;
}

} // namespace

std::optional<Reply> Autoclient::control(const Request &request)
{
    if (!request.path.starts_with("/_/ac/"))
        return std::nullopt;
    return request.method == "POST" ? control_post(request) : control_get(request);
}

Reply Autoclient::control_post(const Request &request)
{
    const Value body = request.body.empty() ? parse_json("{}") : json_body(request);
    books_->statements.forget_written();
    if (request.path == "/_/ac/write") {
        books_->statements.write_final_days();
        return done();
    }
    if (request.path == "/_/ac/bank") {
        books_ = std::make_unique<Books>(make_model(body));
        return json_reply(bank_json());
    }
    if (request.path == "/_/ac/advance") {
        advance(body);
        return json_reply(books_->model.clock.settings_json());
    }
    if (request.path == "/_/ac/clock") {
        set_clock(body);
        return json_reply(books_->model.clock.settings_json());
    }
    if (request.path == "/_/ac/accounts")
        return json_reply(change_account(body));
    if (request.path == "/_/ac/rows")
        return json_reply(change_row(body));
    if (request.path == "/_/ac/tokens") {
        change_token(body);
        return done();
    }
    if (request.path == "/_/ac/pay") {
        books_->payments.pay(Options(body, "pay", {"ref"}).text("ref", ""));
        return done();
    }
    throw Refused(404, "no such control request: " + request.path);
}

Reply Autoclient::control_get(const Request &request) const
{
    if (request.path == "/_/ac/bank")
        return json_reply(bank_json());
    if (request.path == "/_/ac/truth")
        return json_reply(truth_json(request));
    if (request.path == "/_/ac/totals")
        return json_reply(totals_json());
    if (request.path == "/_/ac/payments") {
        const std::string *ref = request.parameter("ref");
        return json_reply(books_->payments.to_json(ref ? *ref : ""));
    }
    if (request.path == "/_/ac/foreign")
        return json_reply(books_->foreign.to_json());
    if (request.path == "/_/ac/edoc")
        return json_reply(books_->edoc.to_json());
    if (request.path == "/_/ac/reports")
        return json_reply(books_->reporting.to_json());
    if (request.path == "/_/ac/salary")
        return json_reply(books_->salary.to_json());
    if (request.path == "/_/ac/paysheets")
        return json_reply(books_->paysheets.to_json());
    throw Refused(404, "no such control request: " + request.path);
}

void Autoclient::advance(const Value &body)
{
    const Options options(body, "advance", {"days", "time", "after_calls"});
    Clock &clock = books_->model.clock;
    const auto days = static_cast<Day>(options.number("days", 1, 0, 4000));
    const int seconds = options.time("time", clock.seconds);
    if (options.has("after_calls")) {
        books_->later.push_back({options.number("after_calls", 0, 0, 1000000000), days, seconds});
        return;
    }
    clock.calendar += days;
    clock.seconds = seconds;
}

void Autoclient::set_clock(const Value &body)
{
    const Options options(body, "clock", {"time", "phase", "work_balance", "calls"});
    Clock &clock = books_->model.clock;
    clock.seconds = options.time("time", clock.seconds);
    clock.phase = options.text("phase", clock.phase);
    clock.work_balance = options.flag("work_balance", clock.work_balance);
    if (!options.has("calls"))
        return;
    const std::string calls = options.choice("calls", "", {"fail", "fail_all", "work"});
    clock.all_calls_stop = calls == "fail_all";
    clock.calls_go_on = calls == "work";
}

std::string Autoclient::change_account(const Value &body)
{
    const Options options(body, "accounts", {"company", "currency", "rows_per_day", "acc", "close"});
    Model &model = books_->model;
    if (options.has("acc")) {
        const std::string named = options.text("acc", "");
        const Account &account = account_named(model, named);
        if (options.flag("close", true))
            model.accounts[account.index].closed = model.clock.today();
        return JsonObject().text("acc", account.iban).str();
    }
    const std::optional<std::uint32_t> company =
        model.company(options.text("company", model.companies[0].id));
    if (!company)
        throw Refused(404, "no such company");
    const std::int64_t rows = options.number("rows_per_day", 6, 0, 100000);
    model.accounts.reserve(256);
    return JsonObject()
        .text("acc",
              model.open_account(*company, options.text("currency", "UAH"), model.clock.today(), rows).iban)
        .str();
}

std::string Autoclient::change_row(const Value &body)
{
    const Options options(body, "rows",
                          {"acc", "trantype", "amount", "day", "time", "ref", "refn", "number", "purpose",
                           "dlr", "state", "code", "bank", "account", "name", "id", "remove"});
    if (options.has("id")) {
        Posting *posting =
            books_->ledger.posting(static_cast<std::uint64_t>(options.number("id", 0, 0, 999999999999999)));
        if (!posting)
            throw Refused(404, "no such posted row");
        posting->removed = options.flag("remove", posting->removed);
        posting->state = options.choice("state", std::string(1, posting->state), {"r", "p", "t", "n"})[0];
        if (options.has("amount"))
            posting->amount = amount_named(options, "amount");
        books_->ledger.forget_balances();
        return JsonObject().flag("ok", true).str();
    }
    const std::string named = options.text("acc", "");
    const Account &account = account_named(books_->model, named);
    const Clock &clock = books_->model.clock;
    const Day day = options.day("day", clock.today());
    if (clock.stage(day) == Stage::future || !account.active(day))
        options.refuse("day", "is not a day of this account");
    Posting posting;
    posting.trantype = options.choice("trantype", "C", {"C", "D"})[0];
    posting.amount = amount_named(options, "amount");
    posting.minute = options.time("time", clock.seconds) / 60;
    posting.ref = options.text("ref", "TEST" + std::to_string(1000000000 + ++books_->added));
    posting.refn = options.text("refn", "1");
    posting.number = options.text("number", "1");
    posting.purpose = options.text("purpose", "Тестова проводка");
    posting.link = options.text("dlr", "");
    posting.state = options.choice("state", "r", {"r", "p", "t", "n"})[0];
    posting.other_code = options.text("code", "34554355");
    posting.other_bank = options.text("bank", "305299");
    posting.other_account = options.text("account", "UA143052990000026008050000001");
    posting.other_name = options.text("name", "ТОВ \"ПОСТАЧАЛЬНИК\"");
    const std::string ref = posting.ref;
    const std::uint64_t id = books_->ledger.post(account, day, std::move(posting));
    return JsonObject().number("id", static_cast<std::int64_t>(id)).text("ref", ref).str();
}

void Autoclient::change_token(const Value &body)
{
    const Options options(body, "tokens", {"name", "enabled", "services", "unrestricted", "token"});
    for (Token &token : books_->model.tokens) {
        if (token.name != options.text("name", ""))
            continue;
        token.enabled = options.flag("enabled", token.enabled);
        token.secret = options.text("token", token.secret);
        if (options.has("services")) {
            const std::vector<std::string> names = options.texts("services", {});
            token.allowed = std::set<std::string>(names.begin(), names.end());
        }
        if (options.flag("unrestricted", false))
            token.allowed.reset();
        return;
    }
    throw Refused(404, "no such token");
}

std::string Autoclient::bank_json() const
{
    const Model &model = books_->model;
    JsonArray companies;
    for (const Company &each : model.companies)
        companies.raw(JsonObject()
                          .text("id", each.id)
                          .text("code", each.code)
                          .text("name", each.name)
                          .number("signatures", each.signatures)
                          .str());
    JsonArray accounts;
    for (const Account &each : model.accounts)
        accounts.raw(JsonObject()
                         .text("acc", each.iban)
                         .text("number", each.number)
                         .text("company", model.companies[each.company].id)
                         .text("currency", each.currency)
                         .text("opened", day_text(each.opened, DayForm::iso))
                         .flag("closed", each.closed.has_value())
                         .str());
    JsonArray tokens;
    for (const Token &each : model.tokens)
        tokens.raw(JsonObject()
                       .text("name", each.name)
                       .text("company", each.company ? model.companies[*each.company].id : "")
                       .flag("group", !each.company)
                       .flag("enabled", each.enabled)
                       .str());
    const Clock &clock = model.clock;
    return JsonObject()
        .text("today", day_text(clock.today(), DayForm::iso))
        .text("lastday", day_text(clock.lastday(), DayForm::iso))
        .text("final_day", day_text(clock.final_day(), DayForm::iso))
        .text("calendar", day_text(clock.calendar, DayForm::iso))
        .text("time", time_text(clock.seconds))
        .raw("companies", companies.str())
        .raw("accounts", accounts.str())
        .raw("tokens", tokens.str())
        .str();
}

} // namespace sandbox::autoclient
