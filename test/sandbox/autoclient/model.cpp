/*
 * Companies, accounts and tokens of the Autoclient half. Contracts stand in model.h.
 */
#include "model.h"

#include "options.h"

#include "../message.h"
#include "../text.h"

#include <array>

namespace sandbox::autoclient
{

namespace
{

constexpr std::string_view bank_code = "305299";

constexpr std::array<std::string_view, 4> company_names = {
    "Програмiсти та Ko МСБ-ТЕСТ ТОВ", "ТОВ \"ПРИКЛАД\"", "ФОП Тестовий Тест Тестович", "ПП «Зразок № 4»"};

/* The IBAN of a 14-digit number at this bank, check digits by ISO 7064 mod 97-10 (U is 30, A is 10). */
std::string iban_of(const std::string &number)
{
    const std::string tail = std::string(bank_code) + "00000" + number;
    unsigned rest = 0;
    for (char c : tail + "301000")
        rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
    const unsigned check = 98 - rest;
    return std::string("UA") + (check < 10 ? "0" : "") + std::to_string(check) + tail;
}

std::string own_side_of(const Company &company, const Account &account)
{
    const std::string object = JsonObject()
                                   .text("AUT_MY_CRF", company.code)
                                   .text("AUT_MY_MFO", bank_code)
                                   .text("AUT_MY_ACC", account.iban)
                                   .text("AUT_MY_NAM", company.name)
                                   .text("AUT_MY_MFO_NAME", "АТ КБ \"ПРИВАТБАНК\"")
                                   .text("AUT_MY_MFO_CITY", "Київ")
                                   .str();
    return object.substr(1, object.size() - 2);
}

void add_company(Model &model, const Options &options, Day opened, std::int64_t rows)
{
    const auto index = static_cast<std::uint32_t>(model.companies.size());
    Company company;
    company.id = options.text("id", std::to_string(44000001 + index));
    company.code = options.text("code", std::to_string(31451288 + 3103067 * index));
    company.name = options.text("name", std::string(company_names[index % company_names.size()]));
    company.signatures = static_cast<int>(options.number("signatures", 1, 1, 2));
    model.companies.push_back(company);
    for (const std::string &currency : options.texts("accounts", {"UAH", "UAH", "USD"})) {
        if (currency != "UAH" && currency != "USD" && currency != "EUR")
            throw Refused(400, "accounts: " + currency + " is not UAH, USD or EUR");
        model.open_account(index, currency, opened, rows);
    }
}

void add_token(Model &model, const Options &options)
{
    Token token;
    token.secret = options.text("token", "");
    token.name = options.text("name", "token " + std::to_string(model.tokens.size() + 1));
    token.app_id = options.text("app_id", "");
    token.enabled = options.flag("enabled", true);
    token.level = static_cast<int>(options.number("level", 1, 1, 2));
    if (!options.flag("group", false)) {
        token.company = model.company(options.text("company", model.companies.front().id));
        if (!token.company)
            throw Refused(400, "tokens: no such company");
    }
    if (options.has("services")) {
        const std::vector<std::string> names = options.texts("services", {});
        token.allowed = std::set<std::string>(names.begin(), names.end());
    }
    if (token.secret.empty())
        throw Refused(400, "tokens: a token needs a token");
    model.tokens.push_back(token);
}

constexpr std::string_view default_companies = R"([{}, {"accounts": ["UAH", "UAH"]}])";

constexpr std::string_view default_tokens = R"([
    {"token": "token-1", "name": "company 1"},
    {"token": "token-1-director", "name": "company 1, director", "level": 2},
    {"token": "old-token-1", "name": "company 1, old format", "app_id": "app-1"},
    {"token": "group-token", "name": "group", "group": true}])";

void load_clock(Clock &clock, const Options &options)
{
    clock.calendar = options.day("today", *read_day("2026-03-02", DayForm::iso));
    clock.seconds = options.time("time", 12 * 3600 + 3 * 60 + 51);
    clock.lastday_is_final = options.flag("lastday_is_final", false);
    for (const std::string &text :
         options.texts("holidays", {"2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01"})) {
        const std::optional<Day> day = read_day(text, DayForm::iso);
        if (!day)
            throw Refused(400, "holidays: " + text + " is no date YYYY-MM-DD");
        clock.closed_days.insert(*day);
    }
}

void load_habits(Habits &habits, const Options &options)
{
    habits.seed = static_cast<std::uint64_t>(options.number("seed", 1, 0, 1000000000));
    habits.vary = options.flag("vary", true);
    habits.oddities = options.flag("oddities", true);
    habits.quiet_day_rows = options.flag("quiet_day_rows", true);
    habits.declared_charset = options.flag("declared_charset", false);
    habits.payment_data = options.flag("payment_data", true);
    habits.duplicates = options.flag("duplicates", true);
    habits.group_id = options.choice("group_id", "any", {"any", "query", "header"});
    habits.leftover = options.choice("leftover", "auto", {"auto", "filled", "null", "absent"});
}

} // namespace

std::uint64_t mixed(std::uint64_t seed, std::uint64_t a, std::uint64_t b, std::uint64_t c)
{
    std::uint64_t x = seed * 0x9E3779B97F4A7C15U;
    for (std::uint64_t part : {a, b, c}) {
        x ^= part + 0x9E3779B97F4A7C15U + (x << 6) + (x >> 2);
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
        x = (x ^ x >> 27) * 0x94D049BB133111EBU;
        x ^= x >> 31;
    }
    return x;
}

const Account *Model::account(std::string_view number_or_iban) const
{
    for (const Account &each : accounts)
        if (each.iban == number_or_iban || each.number == number_or_iban)
            return &each;
    return nullptr;
}

std::optional<std::uint32_t> Model::company(std::string_view id) const
{
    for (std::uint32_t i = 0; i < companies.size(); ++i)
        if (companies[i].id == id)
            return i;
    return std::nullopt;
}

Account &Model::open_account(std::uint32_t company, const std::string &currency, Day opened,
                             std::int64_t rows)
{
    if (accounts.size() >= 256)
        throw Refused(400, "at most 256 accounts");
    Account account;
    account.index = static_cast<std::uint32_t>(accounts.size());
    account.company = company;
    account.currency = currency;
    const std::string serial = std::to_string(50000000 + mixed(1, 17) % 1000000 * 37 + account.index);
    account.number = "2600" + std::string(10 - serial.size(), '0') + serial;
    account.iban = iban_of(account.number);
    account.name = companies[company].name;
    account.opened = opened;
    account.start = 5000000000 + static_cast<Amount>(mixed(habits.seed, 18, account.index) % 100000000);
    account.own_side = own_side_of(companies[company], account);
    account.rows = rows;
    accounts.push_back(account);
    return accounts.back();
}

Model make_model(const Value &configuration)
{
    const Options options(configuration, "bank",
                          {"seed", "today", "time", "holidays", "lastday_is_final", "history_days",
                           "rows_per_day", "vary", "oddities", "quiet_day_rows", "declared_charset",
                           "payment_data", "duplicates", "group_id", "leftover", "companies", "tokens"});
    Model model;
    load_habits(model.habits, options);
    load_clock(model.clock, options);
    const Day opened = model.clock.today() - static_cast<Day>(options.number("history_days", 40, 2, 5000));
    const std::int64_t rows = options.number("rows_per_day", 6, 0, 100000);
    const Value companies = parse_json(default_companies);
    const Value tokens = parse_json(default_tokens);
    for (const Value &each : options.list("companies", companies))
        add_company(model, Options(each, "companies", {"id", "code", "name", "signatures", "accounts"}),
                    opened, rows);
    if (model.companies.empty())
        throw Refused(400, "companies: at least one is needed");
    for (const Value &each : options.list("tokens", tokens))
        add_token(model,
                  Options(each, "tokens",
                          {"token", "name", "company", "group", "app_id", "enabled", "level", "services"}));
    if (!options.has("tokens") && model.companies.size() > 1)
        model.tokens.push_back({"company 2", "token-2", 1, "", true, 1, std::nullopt});
    return model;
}

} // namespace sandbox::autoclient
