/*
 * Derived data of the ABS and their overrides. Contracts stand in data.h.
 */
#include "data.h"

#include "../message.h"
#include "../text.h"

#include <array>
#include <cstdio>

namespace sandbox::abs
{

namespace
{

constexpr std::string_view sample_iinbin = "000000000000";
constexpr std::string_view sample_iban = "KZ000000000000000000";
constexpr std::string_view sample_contract = "colvir:2:1001";
constexpr std::string_view sample_loan = "colvir:555:666";

std::string money(std::uint64_t hundredths)
{
    std::array<char, 40> out{};
    std::snprintf(out.data(), out.size(), "%llu.%02llu", static_cast<unsigned long long>(hundredths / 100),
                  static_cast<unsigned long long>(hundredths % 100));
    return out.data();
}

/* The fifth digit of a BIN is 4, 5 or 6; in an IIN it is the first of the day of birth (k2.md 8.3). */
bool is_bin(std::string_view iinbin)
{
    return iinbin[4] >= '4' && iinbin[4] <= '6';
}

std::string derived_name(const std::string &iinbin)
{
    static constexpr std::array<std::string_view, 8> surnames = {
        "Образцов", "Примеров", "Макетов", "Тестов", "Пробный", "Учебный", "Условный", "Шаблонов"};
    if (iinbin == sample_iinbin)
        return "Тестовый Тест Тестович";
    if (is_bin(iinbin))
        return "ТОО \"Пример " + iinbin.substr(8) + "\"";
    return std::string(surnames[stable_hash("name" + iinbin) % surnames.size()]) + " Тест Тестович";
}

std::string account(const std::string &iban, const std::string &name, std::string_view system)
{
    return JsonObject()
        .text("iban", iban)
        .text("accountName", name)
        .text("ps", "2204191")
        .text("system", system)
        .text("cur", "KZT")
        .str();
}

const Value &object_of(std::string_view section, const Value &value)
{
    if (!value.is(Value::Type::object))
        throw Refused(400, "data: " + std::string(section) + " must be an object");
    return value;
}

ScanChoice read_scan(const Value &value)
{
    ScanChoice choice;
    const Value *kind = value.is(Value::Type::object) ? value.find("kind") : &value;
    choice.kind = kind ? kind->text : "pdf";
    if (choice.kind != "pdf" && choice.kind != "tiff" && choice.kind != "tiff_be" && choice.kind != "none")
        throw Refused(400, "data: a scan is pdf, tiff, tiff_be or none");
    if (const Value *name = value.find("name"))
        choice.name = name->text;
    if (const Value *bytes = value.find("bytes")) {
        if (!is_integer(bytes->text) || bytes->text.size() > 10 || bytes->text.starts_with('-'))
            throw Refused(400, "data: bytes of a scan must be a whole number");
        choice.bytes = std::stoull(bytes->text);
    }
    return choice;
}

} // namespace

std::string synthetic_iban(std::string_view seed)
{
    std::array<char, 16> digits{};
    std::snprintf(digits.data(), digits.size(), "%09u",
                  static_cast<unsigned>(stable_hash(seed) % 1000000000));
    const std::string body = std::string("601TEST") + digits.data();
    unsigned rest = 0;
    for (char c : body + "KZ00") {
        const unsigned value =
            c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>(c - 'A') + 10;
        rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
    }
    const unsigned check = 98 - rest;
    return "KZ" + std::string(check < 10 ? "0" : "") + std::to_string(check) + body;
}

std::optional<std::string> Data::client(const std::string &iinbin) const
{
    std::string fullname = json_string(derived_name(iinbin));
    std::string sectecon = is_bin(iinbin) ? "7" : "9";
    std::string residfl = "1";
    const auto given = clients_.find(iinbin);
    if (given == clients_.end() ? iinbin.ends_with('8') : given->second == "null")
        return std::nullopt;
    if (given != clients_.end()) {
        const Value value = parse_json(given->second);
        for (const auto &[name, target] : {std::pair{"fullname", &fullname}, std::pair{"sectecon", &sectecon},
                                           std::pair{"residfl", &residfl}})
            if (const Value *member = value.find(name))
                *target = member->raw;
    }
    return JsonObject()
        .text("error_text", "")
        .number("error_code", 0)
        .text("iinbin", iinbin)
        .raw("fullname", fullname)
        .raw("sectecon", sectecon)
        .raw("residfl", residfl)
        .str();
}

std::string Data::accounts(const std::string &iinbin) const
{
    const auto given = accounts_.find(iinbin);
    if (given != accounts_.end())
        return given->second;
    JsonArray out;
    if (iinbin == sample_iinbin)
        return out.raw(account(std::string(sample_iban), "Наименование счета, обычно ФИО", "way4")).str();
    if (iinbin.ends_with('8'))
        return out.str();
    const std::uint64_t count = 1 + stable_hash("accounts" + iinbin) % 3;
    for (std::uint64_t i = 0; i < count; ++i)
        out.raw(account(synthetic_iban(iinbin + "/" + std::to_string(i)), derived_name(iinbin),
                        i % 2 == 0 ? "way4" : "colvir"));
    return out.str();
}

std::string Data::statement(const std::string &key) const
{
    const auto given = statements_.find(key);
    if (given != statements_.end())
        return given->second;
    JsonArray out;
    if (key.ends_with('7'))
        return out.str();
    const bool sample = key == sample_loan || key == sample_iban;
    const std::string amount = sample ? "900000" : money(100000 + stable_hash("stmt" + key) % 500000000);
    return out
        .raw(JsonObject()
                 .text("purpose", "Предоставление кредита по договору")
                 .raw("amount", amount)
                 .text("cur", "KZT")
                 .text("DC", "D")
                 .raw("out_bal", amount)
                 .str())
        .str();
}

std::optional<std::string> Data::debt(const std::string &key) const
{
    const auto given = debts_.find(key);
    if (given != debts_.end())
        return given->second == "null" ? std::nullopt : std::optional(given->second);
    if (key == sample_contract || key == sample_iban)
        return "100000";
    return money(100 + stable_hash("debt" + key) % 50000000);
}

ScanChoice Data::scan(const std::string &iinbin) const
{
    const auto given = scans_.find(iinbin);
    if (given != scans_.end())
        return given->second;
    ScanChoice choice;
    if (iinbin.ends_with('7'))
        choice.kind = "none";
    else if (iinbin.ends_with('3'))
        choice.kind = "tiff";
    else if (iinbin.ends_with('5'))
        choice.kind = "tiff_be";
    return choice;
}

void Data::load_map(Overrides &target, const Value &object, std::string_view section)
{
    for (const auto &[key, value] : object_of(section, object).members)
        target[key] = value.raw;
}

void Data::load_shapes(const Value &object)
{
    for (const auto &[name, value] : object_of("shapes", object).members) {
        const std::string &text = value.text;
        if (name == "get_all_pt" &&
            (text == "canonical" || text == "marker" || text == "array" || text == "printed"))
            shapes_.list = text;
        else if (name == "debt" && (text == "json" || text == "printed"))
            shapes_.debt_printed = text == "printed";
        else if (name == "all_count" && (text == "filtered" || text == "unfiltered"))
            shapes_.count_unfiltered = text == "unfiltered";
        else
            throw Refused(400, "data: unknown shape " + name + " = " + text);
    }
}

void Data::load(const Value &document)
{
    Data next = *this;
    for (const auto &[section, value] : document.members) {
        if (section == "clients") {
            load_map(next.clients_, value, section);
        } else if (section == "accounts") {
            load_map(next.accounts_, value, section);
        } else if (section == "statements") {
            load_map(next.statements_, value, section);
        } else if (section == "debts") {
            for (const auto &[key, debt] : object_of(section, value).members)
                if (!debt.is(Value::Type::null) && !debt.is(Value::Type::number))
                    throw Refused(400, "data: debt of " + key + " must be a number or null");
            load_map(next.debts_, value, section);
        } else if (section == "scans") {
            for (const auto &[iinbin, scan] : object_of(section, value).members)
                next.scans_[iinbin] = read_scan(scan);
        } else if (section == "shapes") {
            next.load_shapes(value);
        } else {
            throw Refused(400, "data: unknown section " + section);
        }
    }
    *this = std::move(next);
}

} // namespace sandbox::abs
