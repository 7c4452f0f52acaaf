/*
 * Corporate cards. Contracts stand in cards.h.
 */
#include "cards.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

constexpr unsigned cards_of_corporation = 5;

[[noreturn]] void complain(const std::string &name, const std::string &why)
{
    refuse(400, name + " " + why);
}

Day day_parameter(const Request &request, std::string_view name)
{
    const std::optional<Day> day = read_day(parameter(request, name), DayForm::dotted);
    if (!day)
        refuse(400, std::string(name) + " must be DD.MM.YYYY");
    return *day;
}

} // namespace

struct Cards::Corporation {
    std::uint32_t company = 0;
    std::string id;
    std::string code;
    std::string type;
    std::string account;
    std::string iban;
};

struct Cards::Card {
    unsigned index = 0;
    std::string pan;    // 4246****0566=923050752
    std::string masked; // 4246****0566
    std::string holder;
    bool open = true;
    std::uint64_t seed = 0;
};

struct Cards::Entry {
    Day day = 0;
    unsigned number = 0;
    Amount amount = 0; // signed
    Amount rest = 0;   // after it
    std::uint64_t mix = 0;
};

std::vector<Cards::Corporation> Cards::corporations(std::uint32_t company) const
{
    std::vector<Corporation> out;
    for (const char *type : {"CORP", "ACCKEY"}) {
        Corporation each;
        each.company = company;
        each.id = std::to_string(638165863 + company);
        each.type = type;
        each.code = std::string(type).substr(0, 2) + std::to_string(100 + company);
        each.account = (each.type == "CORP" ? "26050000" : "26000000") + std::to_string(990012 + company);
        each.iban = "UA61305299000002" + each.account.substr(1);
        out.push_back(each);
    }
    return out;
}

std::vector<Cards::Card> Cards::cards(const Corporation &corporation)
{
    std::vector<Card> out;
    for (unsigned i = 0; i < cards_of_corporation; ++i) {
        Card each;
        each.index = i;
        each.seed = stable_hash(corporation.code + corporation.type + std::to_string(i));
        each.masked = "4246****" + std::to_string(1000 + each.seed % 9000);
        each.pan = each.masked + "=" + std::to_string(100000000 + each.seed % 899999999);
        each.holder = "Тестовий Тест " + std::to_string(i + 1);
        each.open = i + 1 < cards_of_corporation;
        out.push_back(each);
    }
    return out;
}

std::vector<Cards::Entry> Cards::entries(const Card &card, Day from, Day to) const
{
    std::vector<Entry> out;
    const Day first = model_.clock.today() - 60;
    Amount rest = 1000000;
    for (Day day = first; day <= std::min(to, model_.clock.today()); ++day) {
        const std::uint64_t count = mixed(card.seed, static_cast<std::uint64_t>(day)) % 3;
        for (unsigned i = 0; i < count; ++i) {
            Entry entry;
            entry.mix = mixed(card.seed + 1, static_cast<std::uint64_t>(day), i);
            entry.day = day;
            entry.number = i;
            const Amount size = 1 + static_cast<Amount>(entry.mix % 90000);
            entry.amount = entry.mix >> 40 & 3 ? -size : size;
            rest += entry.amount;
            entry.rest = rest;
            if (day >= from)
                out.push_back(entry);
        }
    }
    return out;
}

std::string Cards::card_json(const Corporation &corporation, const Card &card)
{
    JsonObject out;
    out.text("PanNumber", card.pan).text("MaskedPanNumber", card.masked).text("iban", corporation.iban);
    out.text("ClientIdEkbFiz", std::to_string(card.seed % 1000000000)).text("InnFiz", "1111111111");
    out.text("FioFiz", card.holder).text("PanCorpCode", corporation.code).number("PanCcy", 980);
    out.text("PanCcyS", "980")
        .number("PanState", card.open ? 1 : 12)
        .text("PanStateS", card.open ? "o" : "c");
    out.text("PanExpDate", "0928").text("PanType", "VISA").raw("Balance", amount_text(1000000));
    out.text("DateLastTran", "02.03.2026").text("PanPurse", "1").text("Bank", "PB");
    out.text("MainCardAcc", corporation.account).text("MFO_ACC", "305299").text("АССState", "a");
    out.text("NameCard", "КОРПОРАТИВНА").text("OKPO", "31451288").text("Branch", "DNH0");
    out.text("ClientIdEkbJur", corporation.id)
        .text("JurId", corporation.id)
        .text("PanFirstAcc", corporation.account);
    out.text("zachVozmEqaer", "N")
        .text("createDate", "01.01.2026")
        .text("channel", "P24")
        .text("version", "1");
    out.text("refContract", "SAMDN" + std::to_string(card.index)).text("contractType", "C");
    out.flag("main", card.index == 0)
        .text("cardAlias", "")
        .text("can", "1")
        .text("isAdd", "N")
        .text("believer", "N");
    return out.text("documentSeries", "").text("documentNumber", "").text("openingDate", "01.01.2026").str();
}

Reply Cards::list(const Caller &caller) const
{
    const Input input(
        caller.body, complain, {},
        {"panState", "corpCod", "corpType", "numOfEntr", "packNum", "main", "cardNumber", "search"});
    const std::string state = input.text("panState");
    const std::int64_t size = input.count("numOfEntr", 100);
    const std::int64_t pack = input.count("packNum", 1);
    if ((state != "" && state != "o" && state != "c") || size < 1 || size > 100 || pack < 1)
        input.refuse(state != "" && state != "o" && state != "c" ? "panState" : "numOfEntr",
                     "is out of range");
    std::int64_t all = 0;
    std::int64_t shown = 0;
    JsonArray list;
    for (const Corporation &each : corporations(caller.company)) {
        if ((input.has("corpType") && input.text("corpType") != each.type) ||
            (input.has("corpCod") && input.text("corpCod") != each.code))
            continue;
        JsonArray rows;
        std::int64_t fitting = 0;
        std::int64_t here = 0;
        for (const Card &card : cards(each)) {
            if ((state != "" && (state == "o") != card.open) ||
                (input.text("main") == "Y" && card.index != 0) ||
                (input.has("cardNumber") && input.text("cardNumber") != card.pan) ||
                (input.has("search") && !card.masked.ends_with(input.text("search"))))
                continue;
            ++fitting;
            if (++all <= (pack - 1) * size || all > pack * size)
                continue;
            ++here;
            rows.raw(card_json(each, card));
        }
        shown += here;
        JsonObject out;
        out.text("corpType", each.type)
            .text("CorpCode", each.code)
            .text("Branch", "DNH0")
            .number("CorpCcy", 980);
        out.text("CorpCcyS", "980")
            .text("jurId", each.id)
            .text("createDate", "01.01.2026")
            .text("channel", "P24");
        out.text("bank", "PB").text("version", "1").number("cardsAmount", fitting).number("cardsShown", here);
        out.text("MainCardAcc", each.account).text("MFO_ACC", "305299").text("АССState", "a");
        out.text("NameCard", "КОРПОРАТИВНА").text("MainCardNum", "2600****9912=-" + each.id);
        out.text("MaskedMainCardNum", "2600****9912").text("iban", each.iban).text("grType", "K");
        list.raw(out.text("openingDate", "01.01.2026").raw("PanData", rows.str()).str());
    }
    JsonObject company;
    company.raw("ClientIdJur", std::to_string(638165863 + caller.company));
    company.text("OKPO", model_.companies[caller.company].code)
        .number("allCards", all)
        .number("cardsShown", shown);
    company.raw("CorpData", list.str());
    return json_reply(JsonObject().raw("Data", JsonObject().raw("JurData", company.str()).str()).str());
}

Cards::Corporation Cards::find(const Caller &caller, const Input &input) const
{
    const Input wanted(input.value("corporation"), complain, "corporation.", {"id", "code", "type"});
    for (const Corporation &each : corporations(caller.company))
        if (each.code == wanted.filled("code") && each.type == wanted.filled("type") &&
            (wanted.filled("id") == each.id || wanted.filled("id") == "DNH0"))
            return each;
    input.refuse("corporation", "is not found");
}

std::string Cards::entry_json(const Corporation &corporation, const Card &card, const Entry &entry)
{
    const Amount size = entry.amount < 0 ? -entry.amount : entry.amount;
    const std::string packed = packed_day(entry.day);
    JsonObject out;
    out.text("idFront", std::to_string(entry.mix % 1000000000000))
        .text("linked", "true")
        .text("entryType", "2");
    out.text("mcc", "5541")
        .text("code", "110")
        .text("tranRef", "P" + packed + std::to_string(entry.mix % 100000));
    out.text("approval", std::to_string(100000 + entry.mix % 900000));
    out.raw("account", JsonObject()
                           .text("ccy", "UAH")
                           .text("card", card.masked)
                           .text("name", card.holder)
                           .text("acc", corporation.account)
                           .str());
    out.text("fee", "0.00").text("amountAmt", amount_text(entry.amount)).text("amountCcy", "UAH");
    out.text("originalAmt", amount_text(size)).text("originalCcy", "UAH");
    out.text("descr", "АЗС «Приклад» № " + std::to_string(entry.number + 1));
    out.text("posted", day_text(entry.day, DayForm::dotted));
    if (corporation.type != "ACCKEY")
        out.text("rest", amount_text(entry.rest));
    out.text("discount", "0.00").text("country", "UKR");
    if (entry.mix >> 50 & 1)
        out.text("details", "ПММ");
    out.text("trandc", entry.amount < 0 ? "DB" : "CR");
    out.text("valuedateId", packed.substr(4) + packed.substr(2, 2) + packed.substr(0, 2) + "T10:0" +
                                std::to_string(entry.number) + ":00");
    return out.text("valuedateValue", day_text(entry.day, DayForm::dotted)).str();
}

Reply Cards::statements(const Caller &caller, const Request &request, bool one_card) const
{
    know_parameters(request, {"dateStart", "dateEnd"});
    const Day from = day_parameter(request, "dateStart");
    const Day to = day_parameter(request, "dateEnd");
    if (to < from)
        refuse(400, "dateEnd is before dateStart");
    const Input input = one_card ? Input(caller.body, complain, {"corporation", "clientCard"})
                                 : Input(caller.body, complain, {"corporation"});
    const Corporation corporation = find(caller, input);
    JsonArray rows;
    JsonArray infos;
    Amount debit = 0;
    Amount credit = 0;
    Amount closing = 1000000;
    Card chosen;
    for (const Card &card : cards(corporation)) {
        if (one_card && card.pan != input.text("clientCard"))
            continue;
        chosen = card;
        infos.raw(JsonObject().text("pan", card.masked).text("fio", card.holder).str());
        for (const Entry &entry : entries(card, from, to)) {
            rows.raw(entry_json(corporation, card, entry));
            (entry.amount < 0 ? debit : credit) += entry.amount < 0 ? -entry.amount : entry.amount;
            closing = entry.rest;
        }
    }
    if (one_card && chosen.pan.empty())
        input.refuse("clientCard", "is not found");
    if (!one_card)
        return json_reply(
            JsonObject()
                .raw("CorpStatement",
                     JsonObject().raw("panInfos", infos.str()).raw("statements", rows.str()).str())
                .str());
    JsonObject summary;
    summary.text("acc", corporation.account)
        .text("panmain", chosen.masked)
        .text("holderClientId", corporation.id);
    summary.text("holderValue", chosen.holder).text("brest", amount_text(closing - credit + debit));
    summary.text("erest", amount_text(closing))
        .text("db", amount_text(debit))
        .text("cr", amount_text(credit));
    summary.text("fee", "0.00").text("discount", "0.00");
    const std::string statement =
        JsonObject()
            .raw("statements", rows.str())
            .text("maxDate", day_text(std::min(to, model_.clock.today()), DayForm::dotted))
            .text("panMain", chosen.masked)
            .raw("summary", summary.str())
            .str();
    return json_reply(JsonObject().raw("CardStatement", statement).str());
}

} // namespace sandbox::autoclient
