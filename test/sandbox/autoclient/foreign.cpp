/*
 * Currency payments. Contracts stand in foreign.h.
 */
#include "foreign.h"

#include "input.h"

#include "../text.h"

namespace sandbox::autoclient
{

namespace
{

[[noreturn]] void complain(const std::string &name, const std::string &why)
{
    refuse(400, name + ": " + why, "PMTSRV0000");
}

void own_account(const Model &model, const Caller &caller, const std::string &number)
{
    const Account *account = model.account(number);
    if (!account || account->company != caller.company)
        refuse(400, "payer.account: the account is not the user's", "PMTSRV0101");
    if (account->currency == "UAH")
        refuse(400, "payer.account: not a currency account", "PMTMDL034");
}

void check_bank(const Input &body, std::string_view name, bool swift_code)
{
    const Input bank(body.value(name), complain, std::string(name) + ".", {},
                     {"bic", "biccity", "biccountry", "bicname", "bictype", "country"});
    if (swift_code)
        bank.filled("bic");
    if (bank.has("country") && bank.text("country").size() != 2)
        bank.refuse("country", "must be two letters");
}

std::string number_text(const Input &payment, std::string_view name)
{
    if (!payment.value(name).is(Value::Type::number) || !is_integer(payment.value(name).text))
        payment.refuse(name, "must be a whole number");
    return payment.value(name).text;
}

} // namespace

Reply ForeignPayments::take(const Caller &caller, std::string_view kind, const std::string &number)
{
    orders_.push_back(JsonObject()
                          .text("kind", kind)
                          .text("company", model_.companies[caller.company].id)
                          .raw("order", caller.body)
                          .str());
    JsonObject out;
    out.text("innerId", std::to_string(9217 + orders_.size())).flag("actionStatus", true);
    out.text("newStatus", "2").text("numDoc", number);
    if (kind == "swift")
        out.raw("warnings", "null");
    return json_reply(out.str());
}

Reply ForeignPayments::swift(const Caller &caller)
{
    const Input body(caller.body, complain, {"recipient", "payment", "payer", "recipientBank"},
                     {"recipientIntBank", "agreement_id", "agreementNumber"});
    const Input payment(body.value("payment"), complain, "payment.",
                        {"amount", "chrg", "reason", "currency", "numdoc", "valuedate"},
                        {"bank_message", "chrgamt", "send2rec"});
    if (payment.amount("amount") == 0)
        refuse(400, "payment.amount: invalid amount", "PMTSRV0110");
    const std::string charge = payment.text("chrg");
    if (charge != "FULL" && charge != "SHAR" && charge != "CRED" && charge != "DEBT")
        payment.refuse("chrg", "must be FULL, SHAR, CRED or DEBT");
    if (charge == "FULL" && payment.text("currency") != "USD")
        payment.refuse("chrg", "FULL is for USD only");
    payment.filled("reason");
    if (!read_day(payment.text("valuedate"), DayForm::iso))
        refuse(400, "payment.valuedate: must be YYYY-MM-DD", "PMTSRV0118");
    const Input payer(body.value("payer"), complain, "payer.", {"account", "name"});
    own_account(model_, caller, payer.filled("account"));
    const Input recipient(
        body.value("recipient"), complain, "recipient.", {"account", "name", "country"},
        {"accountToName", "town", "street", "postcode", "buildingNumber", "buildingName", "room"});
    recipient.filled("account");
    recipient.filled("name");
    if (recipient.text("country").size() != 2)
        recipient.refuse("country", "must be two letters");
    check_bank(body, "recipientBank", true);
    if (body.has("recipientIntBank"))
        check_bank(body, "recipientIntBank", false);
    return take(caller, "swift", number_text(payment, "numdoc"));
}

Reply ForeignPayments::internal(const Caller &caller)
{
    const Input body(caller.body, complain, {"payment", "payer", "recipient"});
    const Input payment(body.value("payment"), complain, "payment.",
                        {"cusdate", "valuedate", "numdoc", "currency", "amount", "purpose"}, {"bankMessage"});
    for (const char *name : {"cusdate", "valuedate"})
        if (!is_digits(payment.text(name), 10))
            payment.refuse(name, "must be unix seconds in a string");
    if (read_amount(payment.text("amount")).value_or(0) <= 0)
        refuse(400, "payment.amount: invalid amount", "PMTSRV0110");
    payment.filled("purpose");
    const Input payer(body.value("payer"), complain, "payer.", {"account", "name"});
    own_account(model_, caller, payer.filled("account"));
    const Input recipient(body.value("recipient"), complain, "recipient.", {"name", "account"},
                          {"okpo", "bankName", "documentSeries", "documentNumber"});
    recipient.filled("name");
    recipient.filled("account");
    if (recipient.text("okpo").empty() && recipient.text("documentNumber").empty())
        recipient.refuse("okpo", "or a passport is needed");
    const Value &number = payment.value("numdoc");
    if (!is_integer(number.text))
        payment.refuse("numdoc", "must be a number");
    return take(caller, "cpi", number.text);
}

std::string ForeignPayments::to_json() const
{
    JsonArray list;
    for (const std::string &order : orders_)
        list.raw(order);
    return JsonObject()
        .number("created", static_cast<std::int64_t>(orders_.size()))
        .raw("orders", list.str())
        .str();
}

} // namespace sandbox::autoclient
