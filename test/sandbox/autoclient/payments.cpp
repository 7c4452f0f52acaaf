/*
 * Payments made through the API. Contracts stand in payments.h.
 */
#include "payments.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

constexpr std::array<std::string_view, 31> signed_fields = {"payment_ref",
                                                            "user_id",
                                                            "document_type",
                                                            "document_number",
                                                            "payer_account",
                                                            "payment_accept_date",
                                                            "recipient_account",
                                                            "recipient_card",
                                                            "recipient_nceo",
                                                            "payment_naming",
                                                            "payment_amount",
                                                            "payment_destination",
                                                            "payment_ccy",
                                                            "recipient_document_series",
                                                            "recipient_document_number",
                                                            "recipient_document_id_number",
                                                            "recipient_country_code",
                                                            "payer_ultmt_nceo",
                                                            "payer_ultmt_name",
                                                            "payer_ultmt_document_series",
                                                            "payer_ultmt_document_number",
                                                            "payer_ultmt_document_id_number",
                                                            "recipient_ultmt_nceo",
                                                            "recipient_ultmt_name",
                                                            "recipient_ultmt_document_series",
                                                            "recipient_ultmt_document_number",
                                                            "recipient_ultmt_document_id_number",
                                                            "struct_code",
                                                            "struct_category",
                                                            "struct_type",
                                                            "recipientTaxes"};

std::string fields_for_sign()
{
    JsonArray names;
    for (std::string_view name : signed_fields)
        names.text(name);
    return JsonObject().text("version", "v3.5.0").raw("fields", names.str()).str();
}

std::string fields_json(const PaymentFields &fields)
{
    JsonObject out;
    for (const auto &[name, value] : fields)
        out.text(name, value);
    return out.str();
}

std::string field(const PaymentFields &fields, std::string_view name)
{
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
}

/* A signature in base64, as add-sign wants it. */
void check_signature(const std::string &body)
{
    try {
        const Value document = parse_json(body);
        const Value *sign = document.find("sign");
        const bool fine = sign && document.members.size() == 1 && sign->is(Value::Type::string) &&
                          !sign->text.empty() && from_base64(sign->text);
        if (!fine)
            refuse(400, "sign must be base64", "PMTSRV0100");
    } catch (const JsonError &error) {
        refuse(400, std::string("The body is not JSON: ") + error.what(), "PMTSRV0000");
    }
}

} // namespace

void Payments::refuse_duplicate(std::uint32_t company, const PaymentFields &fields) const
{
    if (!model_.habits.duplicates)
        return;
    for (const Payment &each : payments_) {
        if (each.company != company || each.state == "deleted" ||
            field(each.fields, "document_number") != field(fields, "document_number"))
            continue;
        if (each.fields == fields)
            refuse(400, "Duplicate payment by hash", "PMTMDL116");
        refuse(400, "Duplicate payment by document number", "PMTMDL016");
    }
}

std::string Payments::document(const Payment &payment) const
{
    const Company &company = model_.companies[payment.company];
    JsonObject out;
    out.text("id", payment.ref).text("payment_ref", payment.ref).text("user_id", "1004410776");
    out.text("service_update_utime", "1734083113").text("payment_date_unix", "1734083113669277687");
    JsonObject levels;
    levels.flag("1_sign_level", payment.signed_levels[0]);
    if (company.signatures == 2)
        levels.flag("2_sign_level", payment.signed_levels[1]);
    out.raw("level_sign", levels.str()).text("source", "v3");
    for (const auto &[name, value] : payment.fields)
        out.text(name, value);
    if (!payment.fields.contains("payment_ccy"))
        out.text("payment_ccy", "UAH");
    if (!payment.fields.contains("document_type"))
        out.text("document_type", "cr");
    for (const char *name : {"payment_date", "payment_accept_date"})
        if (!payment.fields.contains(name))
            out.text(name, day_text(model_.clock.today(), DayForm::dotted));
    out.text("internal_type", payment.fields.contains("recipient_card") ? "card" : "nbu");
    out.text("has_attachment", "false").text("has_comment", "false");
    out.text("checked_on_pred", payment.forecast ? "true" : "false");
    out.text("payment_status", payment.state).text("payment_status_short", payment.state.substr(0, 1));
    out.text("payer_name", company.name).text("payer_bank_name", "АТ КБ \"ПРИВАТБАНК\"");
    out.text("payer_nceo", company.code);
    out.text("can_edit", payment.draft() ? "1" : "0").text("can_copy", "1");
    out.raw("tabs", payment.draft() ? R"(["all","saved"])" : R"(["all"])");
    return out.raw("fields_for_sign", fields_for_sign()).str();
}

Reply Payments::create(bool forecast, const Caller &caller)
{
    Payment payment;
    payment.company = caller.company;
    payment.fields = checked_payment(model_, caller.company, caller.body);
    payment.forecast = forecast;
    refuse_duplicate(caller.company, payment.fields);
    const std::uint64_t serial = payments_.size() + 1;
    const std::uint64_t mix = mixed(model_.habits.seed + 11, serial);
    payment.ref = std::to_string(1123828417658092296 + static_cast<std::int64_t>(serial * 7919));
    std::string packed;
    for (int i = 0; i < 8; ++i)
        packed += static_cast<char>(mix >> (8 * i) & 0xFF);
    payment.pack_ref = to_base64(packed);
    payments_.push_back(payment);
    JsonObject out;
    out.text("payment_ref", payment.ref).text("payment_pack_ref", payment.pack_ref);
    if (model_.habits.payment_data)
        out.raw("payment_data", document(payment));
    return json_reply(out.str(), 201);
}

Payment &Payments::find(const Caller &caller, const Request &request)
{
    know_parameters(request, {"ref"});
    const std::string ref = parameter(request, "ref");
    if (ref.empty())
        refuse(400, "Mandatory parameter is absent: ref", "PMTSRV0100");
    for (Payment &each : payments_)
        if (each.ref == ref && each.company == caller.company && each.state != "deleted")
            return each;
    refuse(400, "Payment is not found: " + ref, "PMTSRV0000");
}

Reply Payments::get(const Caller &caller, const Request &request)
{
    return json_reply(document(find(caller, request)));
}

Reply Payments::add_sign(const Caller &caller, const Request &request)
{
    Payment &payment = find(caller, request);
    check_signature(caller.body);
    const auto level = static_cast<std::size_t>(caller.token->level - 1);
    if (!payment.draft() || payment.signed_levels[level] ||
        caller.token->level > model_.companies[payment.company].signatures)
        refuse(400, "Payment cannot be signed", "PMTMDL004");
    payment.signed_levels[level] = true;
    if (std::count(payment.signed_levels.begin(), payment.signed_levels.end(), true) ==
        model_.companies[payment.company].signatures)
        execute(payment);
    return json_reply(document(payment));
}

Reply Payments::remove(const Caller &caller, const Request &request)
{
    Payment &payment = find(caller, request);
    if (!payment.draft() || payment.signed_levels[0] || payment.signed_levels[1])
        refuse(400, "Payment cannot be deleted", "PMTMDL004");
    payment.state = "deleted";
    Reply reply;
    reply.status = 204;
    return reply;
}

void Payments::execute(Payment &payment)
{
    const Account &payer = *model_.account(field(payment.fields, "payer_account"));
    const std::string target = field(payment.fields, "recipient_account");
    const Account *own = model_.account(target);
    const std::uint64_t mix = mixed(model_.habits.seed + 13, std::stoull(payment.ref));
    Posting debit;
    debit.amount = *read_amount(field(payment.fields, "payment_amount"));
    debit.minute = model_.clock.seconds / 60;
    debit.ref = "AC";
    for (int i = 0; i < 12; ++i)
        debit.ref += "0123456789ABCDEFGHJKLMNPQRSTUVWX"[mix >> (5 * i) & 31];
    debit.number = field(payment.fields, "document_number");
    const std::string card = field(payment.fields, "recipient_card");
    if (!card.empty())
        debit.purpose = card.substr(0, 4) + " **** **** " + card.substr(12) + " ";
    debit.purpose += field(payment.fields, "payment_destination");
    debit.link = payment.pack_ref;
    debit.other_code = field(payment.fields, "recipient_nceo");
    debit.other_bank =
        payment.fields.contains("recipient_ifi") ? field(payment.fields, "recipient_ifi") : "305299";
    debit.other_account = card.empty() ? target : "UA173052990000029244082000009";
    debit.other_name = field(payment.fields, "payment_naming");
    payment.row = ledger_.post(payer, model_.clock.today(), debit);
    payment.state = "paid";
    if (!own)
        return;
    Posting credit = debit;
    credit.trantype = 'C';
    credit.other_code = model_.companies[payer.company].code;
    credit.other_account = payer.iban;
    credit.other_name = payer.name;
    ledger_.post(*own, model_.clock.today(), credit);
}

void Payments::pay(const std::string &ref)
{
    for (Payment &each : payments_) {
        if (each.ref != ref)
            continue;
        if (!each.draft())
            throw Refused(409, "the payment is " + each.state);
        each.signed_levels = {true, model_.companies[each.company].signatures == 2};
        execute(each);
        return;
    }
    throw Refused(404, "no such payment: " + ref);
}

std::int64_t Payments::drafts() const
{
    return std::count_if(payments_.begin(), payments_.end(),
                         [](const Payment &each) { return each.draft(); });
}

std::string Payments::to_json(const std::string &ref) const
{
    JsonArray list;
    std::int64_t created = 0;
    for (const Payment &each : payments_) {
        ++created;
        if (!ref.empty() && each.ref != ref)
            continue;
        list.raw(JsonObject()
                     .text("payment_ref", each.ref)
                     .text("payment_pack_ref", each.pack_ref)
                     .text("company", model_.companies[each.company].id)
                     .text("state", each.state)
                     .flag("forecast", each.forecast)
                     .number("signatures", each.signed_levels[0] + each.signed_levels[1])
                     .raw("fields", fields_json(each.fields))
                     .str());
    }
    return JsonObject()
        .number("created", created)
        .number("drafts", drafts())
        .raw("payments", list.str())
        .str();
}

} // namespace sandbox::autoclient
