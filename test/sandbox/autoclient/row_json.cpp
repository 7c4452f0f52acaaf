/*
 * A row of the books as the statement shows it. Contracts stand in row_json.h.
 */
#include "row_json.h"

#include <array>

namespace sandbox::autoclient
{

namespace
{

struct Counterparty {
    std::string_view code;
    std::string_view bank; // "" for a null bank code
    std::string_view account;
    std::string_view name;
    std::string_view bank_name;
    std::string_view city; // "" for a null city, "-" for none at all
};

constexpr std::array<Counterparty, 8> partners = {{
    {"34554355", "305299", "UA143052990000026008050000001", "ТОВ \"ПОСТАЧАЛЬНИК\"", "АТ КБ \"ПРИВАТБАНК\"",
     "Київ"},
    {"00000001", "322001", "UA213220010000026007200000002", "ПП «Зразок № 4»", "АТ \"УНІВЕРСАЛ БАНК\"",
     "Київ"},
    {"00000002", "300335", "UA553003350000000260040000003", "ТОВ 'ҐАНОК І КО'", "АТ \"Райффайзен Банк\"",
     "КИЇВ"},
    {"00000003", "351005", "UA333510050000026003100000004", "ФОП Тестова Т. Т.", "АТ \"УКРСИББАНК\"", ""},
    {"00000004", "320478", "UA733204780000026000900000005", "КП \"ВОДОКАНАЛ\" м. Зразків",
     "АБ \"УКРГАЗБАНК\"", "-"},
    {"00000005", "305299", "UA963052990000026001050000006", "Споживче товариство «Їжа»",
     "АТ КБ \"ПРИВАТБАНК\"", "Дніпро"},
    {"00000006", "", "UA023052990000026002050000007", "АТ «Приклад — Енерго»", "АТ КБ \"ПРИВАТБАНК\"",
     "Львів"},
    {"00000007", "334851", "UA523348510000000026009000008", "Тестовий\tТест, адвокат", "АТ \"ПУМБ\"", "Київ"},
}};
constexpr Counterparty transit = {"14360570",
                                  "305299",
                                  "UA173052990000029244082000009",
                                  "Транз.рахунок АТ КБ \"ПРИВАТБАНК\"",
                                  "АТ КБ \"ПРИВАТБАНК\"",
                                  "Київ"};
constexpr Counterparty fees = {"00000000",
                               "305299",
                               "UA753052990000035700000000010",
                               "ЗА ДЕБЕТУВАННЯ РАХУНКУ(UAH)",
                               "АТ КБ \"ПРИВАТБАНК\"",
                               "Київ"};
constexpr Counterparty treasury = {"37993783",
                                   "899998",
                                   "UA138999980000031400000000011",
                                   "ГУК у м.Києві/22080000",
                                   "Казначейство України(ел. адм. подат.)",
                                   "Київ"};

constexpr std::array<std::string_view, 6> purposes = {"Оплата за товар зг.рах.№ ",
                                                      "Сплата за послуги згiдно договору «Аренда» N ",
                                                      "Повернення коштів, акт звірки № ",
                                                      "За матеріали (цегла, пісок, щебінь) рах. ",
                                                      "Поповнення рахунку, ґрунт і саджанці, накл. ",
                                                      "Оплата \"Інтернет\" за період, о/р "};

void member(std::string &out, std::string_view key, std::string_view escaped)
{
    out += ",\"";
    out += key;
    out += "\":\"";
    out += escaped;
    out += '"';
}

void text_member(std::string &out, std::string_view key, std::string_view text)
{
    out += ",\"";
    out += key;
    out += "\":";
    out += json_string(text);
}

void null_member(std::string &out, std::string_view key)
{
    out += ",\"";
    out += key;
    out += "\":null";
}

std::string fragment_of(const Counterparty &partner)
{
    std::string out;
    text_member(out, "AUT_CNTR_CRF", partner.code);
    if (partner.bank.empty())
        null_member(out, "AUT_CNTR_MFO");
    else
        text_member(out, "AUT_CNTR_MFO", partner.bank);
    text_member(out, "AUT_CNTR_ACC", partner.account);
    text_member(out, "AUT_CNTR_NAM", partner.name);
    text_member(out, "AUT_CNTR_MFO_NAME", partner.bank_name);
    if (partner.city.empty())
        null_member(out, "AUT_CNTR_MFO_CITY");
    else if (partner.city != "-")
        text_member(out, "AUT_CNTR_MFO_CITY", partner.city);
    return out;
}

/* The escaped members of every counterparty: the partners, then transit, fees, treasury. */
const std::string &other_side(Kind kind, std::uint64_t mix)
{
    static const std::vector<std::string> fragments = [] {
        std::vector<std::string> all;
        for (const Counterparty &each : partners)
            all.push_back(fragment_of(each));
        for (const Counterparty &each : {transit, fees, treasury})
            all.push_back(fragment_of(each));
        return all;
    }();
    switch (kind) {
    case Kind::transit:
    case Kind::acquiring:
        return fragments[partners.size()];
    case Kind::fee:
        return fragments[partners.size() + 1];
    case Kind::tax:
        return fragments[partners.size() + 2];
    default:
        return fragments[(mix >> 28) % partners.size()];
    }
}

void append_other_side(std::string &out, const Row &row, const Model &model)
{
    if (row.kind == Kind::own_transfer) {
        std::string own = model.accounts[row.partner].own_side;
        for (std::size_t at = own.find("AUT_MY_"); at != std::string::npos; at = own.find("AUT_MY_", at))
            own.replace(at, 7, "AUT_CNTR_");
        out += ',' + own;
        return;
    }
    if (row.posting) {
        out += fragment_of({row.posting->other_code, row.posting->other_bank, row.posting->other_account,
                            row.posting->other_name, "АТ КБ \"ПРИВАТБАНК\"", "Київ"});
        return;
    }
    out += other_side(row.kind, row.mix);
}

/* NUM_DOC of derived rows: a number, or letters and digits. */
std::string number_of(const Row &row)
{
    if (row.mix % 4 == 0)
        return "@2PL" + std::to_string(row.mix % 1000000);
    if (row.mix % 4 == 1)
        return std::string(row.ref().substr(4));
    return std::to_string(row.mix % 100000);
}

void append_purpose(std::string &out, const Row &row)
{
    out += ",\"OSND\":\"";
    switch (row.kind) {
    case Kind::transit:
        out += "Платник Тестовий Тест Тестович; оплата замовлення № ";
        break;
    case Kind::acquiring:
        out += "Вiдшк. по еквайрингу cmps: 7, кiльк тр. 3шт, ком банку ";
        break;
    case Kind::card:
        out += "4149 **** **** 1111 виплата № ";
        break;
    case Kind::tax:
        out += "*;101;Сплата за оренду державного майна за ";
        break;
    case Kind::fee:
        out += "Комiсiя за дебетування рахунку зг. тарифiв, док. ";
        break;
    case Kind::own_transfer:
        out += "Переказ власних коштів, без ПДВ, № ";
        break;
    default:
        for (char c : purposes[(row.mix >> 36) % purposes.size()])
            out += c == '"' ? std::string("\\\"") : std::string(1, c);
    }
    out += std::to_string(row.mix >> 40 & 0xFFFFF);
    out += row.mix >> 60 == 3 ? "\\r\\nбез ПДВ\"" : "\"";
}

void append_link(std::string &out, const Row &row)
{
    if (row.posting && !row.posting->link.empty())
        text_member(out, "DLR", row.posting->link);
    else if (row.kind == Kind::fee)
        member(out, "DLR", "CP7/F6B9LG8=");
    else if (row.posting || row.trantype == 'C' || row.mix >> 52 & 1)
        null_member(out, "DLR");
    else
        member(out, "DLR", "J63" + std::string(row.ref().substr(4)));
}

/* Members that only some rows have. */
void append_extras(std::string &out, const Row &row)
{
    if (row.mix >> 54 & 1 && !row.posting) {
        char uetr[37];
        std::snprintf(uetr, sizeof uetr, "%08x-%04x-4%03x-9%03x-%012llx",
                      static_cast<unsigned>(row.mix >> 32), static_cast<unsigned>(row.mix >> 16 & 0xFFFF),
                      static_cast<unsigned>(row.mix & 0xFFF), static_cast<unsigned>(row.mix >> 8 & 0xFFF),
                      static_cast<unsigned long long>(row.id & 0xFFFFFFFFFFFF));
        member(out, "UETR", uetr);
        member(out, "ULTMT", "N");
    }
    if (row.kind == Kind::transit)
        out += ",\"PAYER_ULTMT_NCEO\":\"1111111111\",\"PAYER_ULTMT_DOCUMENT\":\"\",\"PAYER_ULTMT_NAME\":"
               "\"Тестовий Тест "
               "Тестович\",\"PAYER_ULTMT_COUNTRY_CODE\":\"804\",\"RECIPIENT_ULTMT_NCEO\":\"\","
               "\"RECIPIENT_ULTMT_DOCUMENT\":\"\",\"RECIPIENT_ULTMT_NAME\":\"\",\"RECIPIENT_ULTMT_COUNTRY_"
               "CODE\":\"\"";
    if (row.kind == Kind::tax)
        out += ",\"STRUCT_CODE\":\"101\",\"STRUCT_TYPE\":\"22080000\",\"STRUCT_CATEGORY\":\"оренда, "
               "повідомлення № 1\"";
}

void append_times(std::string &out, const Row &row)
{
    const std::string time = time_text(row.minute * 60);
    const std::string day = day_text(row.day, DayForm::dotted);
    member(out, "TIM_P", std::string_view(time).substr(0, 5));
    member(out, "DATE_TIME_DAT_OD_TIM_P", day + " " + time);
}

} // namespace

std::string technical_id(const Row &row)
{
    if (!row.final)
        return std::to_string(row.id) + "_online";
    std::string time = time_text(row.minute * 60);
    std::erase(time, ':');
    return std::string(row.ref()) + std::string(row.refn) + packed_day(row.day) + time;
}

std::string row_name(const Row &row)
{
    if (row.final)
        return technical_id(row);
    return row.fate == Fate::nameless ? "" : std::to_string(row.id);
}

void append_row(std::string &out, const Row &row, const Ledger &ledger, const Model &model)
{
    const Account &account = *row.account;
    out += '{';
    out += account.own_side;
    append_other_side(out, row, model);
    member(out, "CCY", account.currency);
    member(out, "FL_REAL", row.real ? "r" : "i");
    member(out, "PR_PR", std::string_view(&row.state, 1));
    member(out, "DOC_TYP", row.kind == Kind::fee || row.kind == Kind::transit ? "m" : "p");
    if (row.posting)
        text_member(out, "NUM_DOC", row.posting->number);
    else
        member(out, "NUM_DOC", number_of(row));
    member(out, "DAT_KL", day_text(row.origin, DayForm::dotted));
    member(out, "DAT_OD", day_text(row.day, DayForm::dotted));
    if (row.posting)
        text_member(out, "OSND", row.posting->purpose);
    else
        append_purpose(out, row);
    member(out, "SUM", amount_text(row.amount));
    member(out, "SUM_E", amount_text(at_rate(row.amount, ledger.rate(account.currency, row.day))));
    text_member(out, "REF", row.ref());
    text_member(out, "REFN", row.refn);
    append_times(out, row);
    const std::string name = row_name(row);
    if (name.empty())
        null_member(out, "ID");
    else
        text_member(out, "ID", name);
    member(out, "TRANTYPE", std::string_view(&row.trantype, 1));
    append_link(out, row);
    if (name.empty())
        null_member(out, "TECHNICAL_TRANSACTION_ID");
    else
        text_member(out, "TECHNICAL_TRANSACTION_ID", technical_id(row));
    append_extras(out, row);
    out += '}';
}

} // namespace sandbox::autoclient
