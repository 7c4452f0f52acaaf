/*
 * Receipts, the acquiring statement, the counterparty check. Contracts stand in extras.h.
 */
#include "extras.h"

#include "input.h"

#include "../abs/scan.h"
#include "../text.h"

#include <set>
#include <tuple>

namespace sandbox::autoclient
{

namespace
{

constexpr std::size_t most_receipts = 45;

[[noreturn]] void complain(const std::string &name, const std::string &why)
{
    refuse(400, name + " " + why);
}

void want_accept(const Request &request, std::string_view type)
{
    const std::string *accept = request.header("accept");
    if (!accept || *accept != type)
        refuse(400, "Header accept must be " + std::string(type));
}

/* Removes from `wanted` (account, REF, REFN) whatever the books of that account show. */
void find_rows(const Ledger &ledger, const Account &account, Day today,
               std::set<std::tuple<std::string, std::string, std::string>> &wanted)
{
    for (Day day = account.opened; day <= today && !wanted.empty(); ++day)
        ledger.visit(account, day, std::nullopt, [&](const Row &row) {
            wanted.erase({account.iban, std::string(row.ref()), std::string(row.refn)});
            return !wanted.empty();
        });
}

std::string acquiring_row(Day day, std::uint64_t mix, std::int64_t page)
{
    const bool refund = mix % 7 == 0;
    const Amount size = 1 + static_cast<Amount>(mix >> 8 & 0xFFFFF);
    const Amount fee = size * 13 / 1000;
    const auto signed_text = [&](Amount amount) { return amount_text(refund ? -amount : amount); };
    JsonObject out;
    out.number("Page_Num", page).number("Ref_Retailer", 651000760).text("Ret_Eng", "NAPRIAMOK TORHOVOHO");
    out.text("Ret_Ru", "НАПРЯМОК ТОРГОВОГО ЕКВАЙРИНГУ").text("Ident_Ter", "M13*0ZR3").text("Term_St", "A");
    out.text("City", "КИЇВ").text("Adress", "М.КИЇВ, ВУЛ.ТЕСТ, БУД.2");
    out.text("Date", day_text(day, DayForm::iso) + "T" + time_text(static_cast<int>((mix >> 30) % 86400)));
    out.text("TranPost", day_text(day, DayForm::iso));
    out.raw("Tran_Invoice", mix >> 40 & 1 ? json_string("04*" + std::to_string(mix % 1000)) : "null");
    out.text("Pan", "545708****224923").text("Tran_Approval", "03*" + std::to_string(mix >> 20 & 511));
    out.text("Extr_Rrn", "010362*" + std::to_string(mix % 1000000)).text("Curr", "980");
    out.raw("Tran_Amt", signed_text(size))
        .raw("Acq_Amt", signed_text(fee))
        .raw("Ret_Amt", signed_text(size - fee));
    out.raw("Tran_Fee", "0.00").raw("Summ", signed_text(size));
    return out.text("TranRetPos", day_text(day + 1, DayForm::iso)).str();
}

std::string warnings_json(const std::string &code, bool company)
{
    JsonObject out;
    out.text("edrpou", code).raw("bancruptcy", R"({"value":false,"text":"Не знайдено","list":[]})");
    out.raw("penalties", R"({"text":"Не знайдено","value":false,"list":[]})");
    out.raw(
        "taxDebts",
        R"({"databaseDate":"01.03.2026","text":null,"toLocalBudget":0.00,"toStateBudget":0.10,"total":0.10})");
    out.raw("wantedMVS",
            R"({"value":false,"text":null,"errorcode":"1","errortext":"Сервіс тимчасово недоступний"})");
    out.raw("aggressor", R"({"isAggressor":false,"data":null})");
    if (company)
        out.raw("pdvPayer",
                R"({"found":true,"codePDV":"000000000001","dateRegistry":"01.01.2020","dateCancel":null})");
    return out.str();
}

} // namespace

Reply receipts(const Model &model, const Ledger &ledger, const Caller &caller, const Request &request)
{
    want_accept(request, "application/octet-stream");
    const Input input(caller.body, complain, {"transactions"}, {"perPage"});
    const std::int64_t per_page = input.count("perPage", 1);
    const Value &list = input.value("transactions");
    if (!list.is(Value::Type::array) || list.items.empty() || list.items.size() > most_receipts)
        input.refuse("transactions", "must be 1 to 45 rows");
    if (per_page < 1 || per_page > 4)
        input.refuse("perPage", "must be from 1 to 4");
    std::set<std::tuple<std::string, std::string, std::string>> wanted;
    std::set<const Account *> accounts;
    for (const Value &each : list.items) {
        const Input row(each, complain, "transactions.", {"account", "reference", "refn"});
        const Account *account = model.account(row.filled("account"));
        if (!account || account->company != caller.company)
            row.refuse("account", "is not found");
        accounts.insert(account);
        wanted.insert({account->iban, row.filled("reference"), row.filled("refn")});
    }
    for (const Account *account : accounts)
        find_rows(ledger, *account, model.clock.today(), wanted);
    if (!wanted.empty())
        refuse(400,
               "Transaction is not found: " + std::get<1>(*wanted.begin()) + std::get<2>(*wanted.begin()));
    Reply reply;
    reply.content_type = "application/octet-stream";
    reply.headers.emplace_back("Content-Disposition", "attachment; filename=\"receipts.pdf\"");
    reply.body = abs::make_pdf(
        "Receipts: " + std::to_string(list.items.size()) + ", per page " + std::to_string(per_page), 0);
    return reply;
}

Reply acquiring(const Model &model, const Caller &caller)
{
    const Input input(caller.body, complain, {"account", "dateFrom", "dateTo"},
                      {"page", "numberRecords", "statementsDateType"});
    const Account *account = model.account(input.filled("account"));
    if (!account || account->company != caller.company)
        input.refuse("account", "is not found");
    const auto day = [&](std::string_view name) {
        const std::optional<Day> value = read_day(input.text(name), DayForm::iso);
        if (!value)
            input.refuse(name, "must be YYYY-MM-DD");
        return *value;
    };
    const Day from = day("dateFrom");
    const Day to = day("dateTo");
    if (to < from || to - from > 1)
        input.refuse("dateTo", "must be at most one day after dateFrom");
    const std::string kind =
        input.has("statementsDateType") ? input.text("statementsDateType") : "TRANSACTION_DATE";
    if (kind != "TRANSACTION_DATE" && kind != "VALUTE_DATE")
        input.refuse("statementsDateType", "must be TRANSACTION_DATE or VALUTE_DATE");
    const std::int64_t page = input.count("page", 1);
    const std::int64_t size = input.count("numberRecords", 100);
    if (page < 1 || size < 1 || size > 1000)
        input.refuse(page < 1 ? "page" : "numberRecords", "is out of range");
    JsonArray rows;
    std::int64_t at = 0;
    for (Day each = from; each <= std::min(to, model.clock.today()); ++each) {
        const std::uint64_t count =
            150 + mixed(model.habits.seed + 31, account->index, static_cast<std::uint64_t>(each)) % 50;
        for (std::uint64_t i = 0; i < count; ++i, ++at)
            if (at / size + 1 == page)
                rows.raw(acquiring_row(
                    each, mixed(model.habits.seed + 32, account->index, static_cast<std::uint64_t>(each), i),
                    page));
    }
    return json_reply(JsonObject()
                          .raw("dataCollections", rows.str())
                          .flag("existNextPage", at > page * size)
                          .raw("nextPageId", "null")
                          .str());
}

Reply counterparty(const Caller &caller, const Request &request)
{
    want_accept(request, "application/json");
    const Input input(caller.body, complain, {"edrpou"}, {"edrpou_sel"});
    const std::string code = input.filled("edrpou");
    const bool company = is_digits(code, 8);
    if (!company && !is_digits(code, 10))
        input.refuse("edrpou", "must be 8 or 10 digits");
    const bool found = !code.ends_with("8");
    JsonObject dossier;
    dossier.text("found", found ? "1" : "0").text(company ? "okpo" : "inn", code);
    dossier.text("curstate", "1").text("curstatetxt", "зареєстровано").text("currecorddate", "01.03.2026");
    const std::string names = R"({"name":"ТОВ \"ПРИКЛАД )" + code + R"(\"","short":"ПРИКЛАД"})";
    const std::string record =
        company ? R"({"state":"1","names":)" + names + R"(,"founders":[],"heads":[]})"
                : R"({"iscurrent":"1","state":"1","names":)" + names + R"(,"contacts":[]})";
    dossier.raw("record", found ? "[" + record + "]" : "[]");
    return json_reply(JsonObject()
                          .text("reqid", "ubki-" + code)
                          .raw("dossier", dossier.str())
                          .raw("warnings", warnings_json(code, company))
                          .str());
}

} // namespace sandbox::autoclient
