/*
 * The documented rules of a payment's fields. Contracts stand in payment_rules.h.
 */
#include "payment_rules.h"

#include "gate.h"

#include "../text.h"

#include <algorithm>
#include <array>

namespace sandbox::autoclient
{

namespace
{

constexpr std::array<std::string_view, 7> mandatory = {
    "document_number", "payer_account",  "recipient_account",  "recipient_nceo",
    "payment_naming",  "payment_amount", "payment_destination"};

constexpr std::array<std::string_view, 36> known_fields = {"document_number",
                                                           "payer_account",
                                                           "recipient_account",
                                                           "recipient_card",
                                                           "recipient_nceo",
                                                           "payment_naming",
                                                           "payment_amount",
                                                           "payment_destination",
                                                           "payment_ccy",
                                                           "document_type",
                                                           "payment_date",
                                                           "payment_accept_date",
                                                           "payment_cb_ref",
                                                           "copy_from_ref",
                                                           "attach",
                                                           "signer_msg",
                                                           "odb_msg",
                                                           "recipient_ifi",
                                                           "recipient_ifi_text",
                                                           "recipient_document_number",
                                                           "recipient_document_series",
                                                           "recipient_document_id_number",
                                                           "payer_ultmt_nceo",
                                                           "recipient_ultmt_nceo",
                                                           "payer_ultmt_document_series",
                                                           "recipient_ultmt_document_series",
                                                           "payer_ultmt_document_number",
                                                           "recipient_ultmt_document_number",
                                                           "payer_ultmt_document_id_number",
                                                           "recipient_ultmt_document_id_number",
                                                           "payer_ultmt_name",
                                                           "recipient_ultmt_name",
                                                           "struct_code",
                                                           "struct_category",
                                                           "struct_type",
                                                           "recipient_country_code"};

constexpr std::string_view tax_bank = "899998";

std::size_t characters(std::string_view utf8)
{
    return static_cast<std::size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool all_digits(std::string_view text, std::size_t lowest, std::size_t highest)
{
    return text.size() >= lowest && text.size() <= highest && is_digits(text, text.size());
}

/* One or two letters of the Ukrainian or Russian alphabet. */
bool is_series(std::string_view text)
{
    constexpr std::string_view others = "ёЁЇїІіЄєҐґ";
    if (text.empty() || characters(text) > 2)
        return false;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const std::string_view letter = text.substr(i, 2);
        if (letter.size() != 2 ||
            ((letter < "А" || letter > "я") && others.find(letter) == std::string_view::npos))
            return false;
    }
    return true;
}

bool passes_luhn(std::string_view card)
{
    unsigned sum = 0;
    for (std::size_t i = 0; i < card.size(); ++i) {
        unsigned digit = static_cast<unsigned>(card[card.size() - 1 - i] - '0');
        if (i % 2 == 1)
            digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return sum % 10 == 0;
}

/* The IBAN UA and 27 digits, or the old number of 5 to 14 digits. */
bool is_account(std::string_view text)
{
    return (text.size() == 29 && text.starts_with("UA") && is_digits(text.substr(2), 27)) ||
           all_digits(text, 5, 14);
}

class Checker
{
public:
    explicit Checker(const PaymentFields &fields) : fields_(fields) {}

    const std::string &value(std::string_view name) const
    {
        static const std::string none;
        const auto found = fields_.find(name);
        return found == fields_.end() ? none : found->second;
    }

    bool has(std::string_view name) const { return fields_.contains(name); }

    /* Refuses a field that is there when `fine` says no. */
    template <class Rule>
    void check(std::string_view name, std::string_view code, std::string_view why, const Rule &fine) const
    {
        if (has(name) && !fine(value(name)))
            refuse(400, std::string(name) + ": " + std::string(why), code);
    }

    void length(std::string_view name, std::string_view code, std::size_t lowest, std::size_t highest) const
    {
        check(name, code, "length must be from " + std::to_string(lowest) + " to " + std::to_string(highest),
              [&](const std::string &text) {
                  return characters(text) >= lowest && characters(text) <= highest;
              });
    }

private:
    const PaymentFields &fields_;
};

PaymentFields read_fields(const std::string &body)
{
    PaymentFields fields;
    try {
        const Value document = parse_json(body);
        if (!document.is(Value::Type::object))
            refuse(400, "The body must be a JSON object", "PMTSRV0000");
        for (const Member &member : document.members) {
            if (std::find(known_fields.begin(), known_fields.end(), member.first) == known_fields.end())
                refuse(400, "Unknown field " + member.first, "PMTSRV02007");
            if (!member.second.is(Value::Type::string))
                refuse(400, member.first + ": must be a string", "PMTSRV0000");
            fields[member.first] = member.second.text;
        }
    } catch (const JsonError &error) {
        refuse(400, std::string("The body is not JSON: ") + error.what(), "PMTSRV0000");
    }
    return fields;
}

void check_presence(const Checker &fields)
{
    for (std::string_view name : mandatory)
        if (fields.value(name).empty() && (name != "recipient_account" || !fields.has("recipient_card")))
            refuse(400, "Mandatory parameter is absent: " + std::string(name), "PMTSRV0100");
    if (fields.has("recipient_account") && fields.has("recipient_card"))
        refuse(400, "recipient_card and recipient_account are both given", "PMTMDL0016");
}

void check_recipient(const Checker &fields)
{
    fields.check("recipient_account", "PMTSRV0113", "invalid recipient account", is_account);
    fields.check("recipient_card", "PMTSRV03001", "invalid card number",
                 [](const std::string &card) { return is_digits(card, 16); });
    fields.check("recipient_card", "PMTSRV03002", "card number fails the check digit", passes_luhn);
    fields.check("recipient_nceo", "PMTSRV0114", "invalid recipient code",
                 [](const std::string &code) { return all_digits(code, 8, 10); });
    fields.length("payment_naming", "PMTSRV0115", 1, 160);
    fields.check("recipient_ifi", "PMTSRV0116", "invalid recipient bank code",
                 [](const std::string &code) { return is_digits(code, 6); });
    fields.check("recipient_document_number", "PMTSRV03003", "invalid passport number",
                 [](const std::string &number) { return is_digits(number, 6); });
    fields.check("recipient_document_series", "PMTSRV03004", "invalid passport series", is_series);
    fields.check("recipient_document_id_number", "PMTSRV03006", "must be 9 digits",
                 [](const std::string &number) { return is_digits(number, 9); });
    const bool passport = fields.has("recipient_document_number") && fields.has("recipient_document_series");
    if (fields.value("recipient_nceo") == "0000000000" && !passport &&
        !fields.has("recipient_document_id_number"))
        refuse(400, "recipient_nceo: passport data are needed", "PMTMDL018");
}

void check_text(const Checker &fields)
{
    const bool tax = fields.value("recipient_ifi") == tax_bank ||
                     fields.value("recipient_account").substr(0, 10).ends_with(tax_bank);
    fields.length("document_number", "PMTSRV0112", 1, 35);
    fields.length("payment_destination", "PMTSRV0111", 5, tax ? 140 : 420);
    fields.length("signer_msg", "PMTSRV02009", 0, 500);
    fields.length("odb_msg", "PMTSRV03005", 0, 500);
    fields.length("struct_code", "PMTMDL038", 1, 3);
    fields.length("struct_category", "PMTSRV1111", 1, 140);
    fields.check("struct_type", "PMTMDL038", "must be 22080000, 22080200 or 22080300",
                 [](const std::string &type) {
                     return type == "22080000" || type == "22080200" || type == "22080300";
                 });
    for (const std::string side : {"payer", "recipient"}) {
        fields.check(side + "_ultmt_nceo", "PMTSRV0000", "must be 8 to 10 digits",
                     [](const std::string &code) { return all_digits(code, 8, 10); });
        fields.check(side + "_ultmt_document_series", "PMTSRV0000", "must be one or two letters", is_series);
        fields.check(side + "_ultmt_document_number", "PMTSRV0000", "must be 6 digits",
                     [](const std::string &number) { return is_digits(number, 6); });
        fields.check(side + "_ultmt_document_id_number", "PMTSRV0000", "must be 9 digits",
                     [](const std::string &number) { return is_digits(number, 9); });
        fields.length(side + "_ultmt_name", "PMTSRV0000", 3, 70);
    }
}

void check_money(const Checker &fields, const Account &payer)
{
    const auto is_day = [](const std::string &text) { return read_day(text, DayForm::dotted).has_value(); };
    fields.check("payment_amount", "PMTSRV0110", "invalid amount",
                 [](const std::string &text) { return read_amount(text).value_or(0) > 0; });
    fields.check("payment_ccy", "PMTSRV0123", "differs from the account's currency",
                 [&](const std::string &text) { return text == payer.currency; });
    fields.check("document_type", "PMTSRV0103", "invalid document type",
                 [](const std::string &text) { return text == "cr"; });
    fields.check("payment_date", "PMTSRV0119", "must be DD.MM.YYYY", is_day);
    fields.check("payment_accept_date", "PMTSRV0118", "must be DD.MM.YYYY", is_day);
}

} // namespace

PaymentFields checked_payment(const Model &model, std::uint32_t company, const std::string &body)
{
    PaymentFields fields = read_fields(body);
    const Checker checker(fields);
    check_presence(checker);
    checker.check("payer_account", "PMTSRV0117", "invalid sender account", is_account);
    const Account *payer = model.account(checker.value("payer_account"));
    if (!payer || payer->company != company)
        refuse(400, "payer_account: the account is not the user's", "PMTSRV0101");
    check_recipient(checker);
    check_text(checker);
    check_money(checker, *payer);
    return fields;
}

} // namespace sandbox::autoclient
