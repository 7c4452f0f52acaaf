/*
 * O5 to O7 and O10: a payment request registered, recalled, returned, and the list of them.
 * Source of fields and replies: k2.md section 3, appendix A.3; reasons: section 7.2.
 */
#include "abs.h"

#include "checks.h"

#include <algorithm>
#include <array>
#include <set>

namespace sandbox::abs
{

namespace
{

const std::set<std::string, std::less<>> reasons = {"01", "01_1", "02", "03", "04", "05", "06",
                                                    "07", "08",   "09", "10", "11", "12", "88",
                                                    "95", "96",   "97", "98", "99"};

PaymentRequest read_payment_request(const Value &object)
{
    const Fields fields(object, {"refer", "accept_dt", "doc_num", "doc_at", "iinbin", "acc_fullname",
                                 "ben_fullname", "ben_bin", "ben_iban", "ben_kbe", "amount", "cur", "knp",
                                 "dbz_num", "dbz_dt", "purpose", "head", "account"});
    PaymentRequest request;
    for (std::string_view name : {"acc_fullname", "ben_fullname", "ben_iban", "ben_kbe", "knp", "dbz_num",
                                  "purpose", "head", "account"})
        request[name] = fields.text(name);
    for (std::string_view name : {"refer", "doc_num"})
        request[name] = fields.filled(name);
    for (std::string_view name : {"accept_dt", "doc_at", "dbz_dt"})
        request[name] = fields.date(name);
    for (std::string_view name : {"iinbin", "ben_bin"})
        request[name] = fields.iinbin(name);
    request["cur"] = fields.currency("cur");
    request["amount"] = fields.amount("amount");
    return request;
}

/* The caller's key "page " carries a blank in the source (k2.md D28): keys are trimmed. */
Value with_trimmed_keys(Value object)
{
    for (auto &member : object.members)
        while (member.first.ends_with(' '))
            member.first.pop_back();
    std::set<std::string_view> seen;
    for (const auto &member : object.members)
        if (!seen.insert(member.first).second)
            throw Refused(400, member.first + ": поле повторяется");
    return object;
}

std::string list_text(const std::string &shape, const std::string &all_count,
                      const std::vector<std::string> &rows)
{
    JsonArray items;
    if (shape == "marker")
        items.raw(JsonObject().raw("all_count", all_count).str());
    for (const std::string &row : rows)
        items.raw(row);
    if (shape == "marker" || shape == "array")
        return items.str();
    if (shape == "canonical")
        return JsonObject()
            .number("error_code", 0)
            .text("error_text", "")
            .raw("all_count", all_count)
            .raw("items", items.str())
            .str();
    std::string printed = "[\n\"all_count\":" + all_count;
    for (const std::string &row : rows)
        printed += ",\n" + row;
    return printed + ",\n{\n},\n{\n}\n]\n";
}

} // namespace

void Abs::pt_arrived(PtCall call, const Request &request)
{
    try {
        const Value body = parse_json(request.body);
        const Value *refer = body.find("refer");
        if (refer && refer->is(Value::Type::string))
            registry_.arrived(call, refer->text);
    } catch (const JsonError &) {
        return; // the service itself refuses such a body
    }
}

Reply Abs::reg_pt(const Request &request)
{
    PaymentRequest payment_request = read_payment_request(json_body(request));
    const std::string refer = payment_request["refer"];
    if (!registry_.add(std::move(payment_request)))
        return business_reply(409, "ПТ с референсом " + refer + " уже зарегистрировано");
    registry_.processed(PtCall::reg, refer);
    return business_reply();
}

Reply Abs::settle_pt(PtCall call, const Request &request)
{
    const Value body = json_body(request);
    const Fields fields(body, {"refer", "reason_code"});
    const std::string refer = fields.filled("refer");
    const std::string reason_code = fields.filled("reason_code");
    const PaymentRequest *known = registry_.find(refer);
    if (!known)
        return business_reply(404, "ПТ с референсом " + refer + " не найдено");
    if (!reasons.contains(reason_code))
        return business_reply(422, "Неизвестный код причины " + reason_code);
    if (!registry_.settle(call, refer, reason_code))
        return business_reply(409, "ПТ с референсом " + refer + " уже " +
                                       (known->state == "recalled" ? "отозвано" : "возвращено"));
    registry_.processed(call, refer);
    return business_reply();
}

Reply Abs::get_all_pt(const Request &request) const
{
    const Value body = with_trimmed_keys(json_body(request));
    const Fields fields(body, {"page", "perpage"}, {"ben_bin", "doc_at1", "doc_at2", "iinbin"});
    if (!body.find("page")->is(Value::Type::number))
        fields.refuse("page", "нужно число");
    const std::size_t page = fields.count("page");
    const std::size_t perpage = fields.count("perpage");
    PtFilter filter;
    if (fields.has("ben_bin"))
        filter.ben_bin = fields.iinbin("ben_bin");
    if (fields.has("iinbin"))
        filter.iinbin = fields.iinbin("iinbin");
    if (fields.has("doc_at1"))
        filter.doc_at1 = fields.date("doc_at1");
    if (fields.has("doc_at2"))
        filter.doc_at2 = fields.date("doc_at2");
    const std::vector<const PaymentRequest *> found = registry_.list(filter);
    const std::size_t counted = data_.shapes().count_unfiltered ? registry_.list({}).size() : found.size();
    std::vector<std::string> rows;
    for (std::size_t i = (page - 1) * perpage; i < found.size() && rows.size() < perpage; ++i)
        rows.push_back(found[i]->row());
    return json_reply(list_text(data_.shapes().list, std::to_string(counted), rows));
}

Reply Abs::put_registry(const Request &request)
{
    const Value body = json_body(request);
    const Value *refer = body.find("refer");
    if (!refer || !refer->is(Value::Type::string))
        throw Refused(400, "registry: refer is missing");
    if (const Value *gone = body.find("remove"); gone && gone->flag)
        return json_reply(JsonObject().flag("removed", registry_.remove(refer->text)).str());
    PaymentRequest *known = registry_.find(refer->text);
    if (!known) {
        registry_.add(read_payment_request(body));
        return json_reply(JsonObject().flag("added", true).str());
    }
    PaymentRequest changed = *known;
    for (const auto &[name, value] : body.members) {
        if (name == "listed")
            changed.listed = value.flag;
        else if (std::find(pt_fields.begin(), pt_fields.end(), name) == pt_fields.end())
            throw Refused(400, "registry: unknown field " + name);
        else if (value.is(name == "amount" ? Value::Type::number : Value::Type::string))
            changed[name] = value.text;
        else
            throw Refused(400, "registry: wrong type of " + name);
    }
    *known = changed;
    return json_reply(JsonObject().flag("changed", true).str());
}

} // namespace sandbox::abs
