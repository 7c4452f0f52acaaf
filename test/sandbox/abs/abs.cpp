/*
 * The ABS half: which service has which path, O8, O9 and O11, and the control requests.
 * Source of fields and replies: k2.md section 3.
 */
#include "abs.h"

#include "checks.h"

#include <set>

namespace sandbox::abs
{

void Abs::add_services(Router &router)
{
    const auto told = [this](PtCall call) { return [this, call](const Request &r) { pt_arrived(call, r); }; };
    const auto counted = [this](const Request &) { ++exclusion_arrivals_; };

    router.add({"/abs/get_cli", "GET", [this](const Request &r) { return get_cli(r); }});
    router.add({"/abs/get_acc", "GET", [this](const Request &r) { return get_acc(r); }});
    router.add({"/abs/get_acc_stmt_dt", "GET", [this](const Request &r) { return get_acc_stmt_dt(r); }});
    router.add({"/abs/get_pdf", "GET", [this](const Request &r) { return get_pdf(r); }});
    router.add({"/abs/reg_pt", "POST", [this](const Request &r) { return reg_pt(r); }, told(PtCall::reg)});
    router.add({"/abs/refuse_pt", "POST", [this](const Request &r) { return settle_pt(PtCall::refuse, r); },
                told(PtCall::refuse)});
    router.add({"/abs/return_pt", "POST",
                [this](const Request &r) { return settle_pt(PtCall::give_back, r); },
                told(PtCall::give_back)});
    router.add({"/abs/get_all_pt", "POST", [this](const Request &r) { return get_all_pt(r); }});
    router.add({"/colvir/get_loan_debt", "POST", [this](const Request &r) { return colvir_debt(r); }});
    router.add({"/way4/get_loan_debt", "POST", [this](const Request &r) { return way4_debt(r); }});
    router.add({"/eko/post_all_loan_exclude", "POST", [this](const Request &r) { return post_exclusions(r); },
                counted});
}

Reply Abs::debt_reply(const std::string &key) const
{
    const std::optional<std::string> debt = data_.debt(key);
    if (!debt)
        return business_reply(404, "Договор не найден");
    if (data_.shapes().debt_printed)
        return json_reply("{\n  \"error_text\": \"\",\n  \"error_code\": 0\n  \"debt\": " + *debt + "\n}\n");
    return json_reply(JsonObject().text("error_text", "").number("error_code", 0).raw("debt", *debt).str());
}

Reply Abs::colvir_debt(const Request &request) const
{
    const Value body = json_body(request);
    const Fields fields(body, {"dep_id", "id"});
    return debt_reply("colvir:" + fields.integer("dep_id") + ":" + fields.integer("id"));
}

Reply Abs::way4_debt(const Request &request) const
{
    const Value body = json_body(request);
    return debt_reply(Fields(body, {"contract_number"}).filled("contract_number"));
}

Reply Abs::post_exclusions(const Request &request)
{
    const Value body = json_body(request);
    Fields(body, {"items"});
    const Value &items = *body.find("items");
    if (!items.is(Value::Type::array))
        throw Refused(400, "items: нужен массив");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < items.items.size(); ++i) {
        const Fields row(items.items[i],
                         {"id", "iin", "is_active", "for_bank", "for_extreq", "for_iban", "for_refuse"},
                         {"finish_dt", "bank", "iban"}, "items[" + std::to_string(i) + "].");
        row.iinbin("iin");
        for (std::string_view name : {"is_active", "for_bank", "for_extreq", "for_iban", "for_refuse"})
            row.flag(name);
        if (row.has("finish_dt"))
            row.date("finish_dt");
        for (std::string_view name : {"bank", "iban"})
            if (row.has(name))
                row.filled(name);
        if (!seen.insert(row.filled("id")).second)
            row.refuse("id", "повторяется");
    }
    exclusions_ = items.raw;
    exclusion_rows_ = items.items.size();
    ++exclusion_pushes_;
    return business_reply();
}

std::string Abs::exclusions_json() const
{
    return JsonObject()
        .number("arrived", static_cast<std::int64_t>(exclusion_arrivals_))
        .number("pushes", static_cast<std::int64_t>(exclusion_pushes_))
        .number("rows", static_cast<std::int64_t>(exclusion_rows_))
        .raw("items", exclusions_)
        .str();
}

std::optional<Reply> Abs::control(const Request &request)
{
    const bool post = request.method == "POST";
    if (request.path == "/_/data" && post) {
        data_.load(json_body(request));
        return json_reply(JsonObject().flag("ok", true).str());
    }
    if (request.path == "/_/registry" && post)
        return put_registry(request);
    if (request.path == "/_/registry") {
        const std::string *refer = request.parameter("refer");
        return json_reply(registry_.to_json(refer ? *refer : ""));
    }
    if (request.path == "/_/exclusions" && !post)
        return json_reply(exclusions_json());
    return std::nullopt;
}

void Abs::clear()
{
    *this = Abs();
}

} // namespace sandbox::abs
