/*
 * O1 to O4: client, accounts, disbursement statement and scan of the loan agreement.
 * Source of parameters and replies: k2.md section 3.
 */
#include "abs.h"

#include "checks.h"
#include "scan.h"

namespace sandbox::abs
{

Reply Abs::get_cli(const Request &request) const
{
    const Parameters parameters(request, {"iinbin"});
    const std::optional<std::string> reply = data_.client(parameters.iinbin("iinbin"));
    return reply ? json_reply(*reply) : business_reply(404, "Клиент не найден");
}

Reply Abs::get_acc(const Request &request) const
{
    const Parameters parameters(request, {"iinbin"});
    return json_reply(JsonObject()
                          .text("error_text", "")
                          .number("error_code", 0)
                          .raw("ibans", data_.accounts(parameters.iinbin("iinbin")))
                          .str());
}

Reply Abs::get_acc_stmt_dt(const Request &request) const
{
    const Parameters parameters(request, {"dt"},
                                {"dep_id", "id", "dea_dep_id", "dea_id", "dea_code", "iban"});
    parameters.date("dt");
    std::string key = parameters.text("iban");
    if (key.empty()) {
        for (std::string_view name : {"dep_id", "id"})
            if (!parameters.has(name))
                throw Refused(400, std::string(name) + ": нужен iban или dep_id и id");
        key = "colvir:" + parameters.integer("dep_id") + ":" + parameters.integer("id");
        for (std::string_view name : {"dea_dep_id", "dea_id"})
            if (parameters.has(name))
                parameters.integer(name);
    } else {
        for (std::string_view name : {"dep_id", "id", "dea_dep_id", "dea_id", "dea_code"})
            if (parameters.has(name))
                throw Refused(400, std::string(name) + ": не передаётся вместе с iban");
    }
    return json_reply(
        JsonObject().text("error_text", "").number("error_code", 0).raw("stmt", data_.statement(key)).str());
}

Reply Abs::get_pdf(const Request &request) const
{
    const Parameters parameters(request, {"dbz_num", "dbz_dt", "iinbin"}, {"dea_dt"});
    const std::string dbz_num = parameters.text("dbz_num");
    const std::string dbz_dt = parameters.date("dbz_dt");
    if (parameters.has("dea_dt"))
        parameters.date("dea_dt");
    const ScanChoice choice = data_.scan(parameters.iinbin("iinbin"));
    Reply reply;
    if (choice.kind == "none") {
        reply.status = 404;
        reply.content_type = "text/plain; charset=utf-8";
        reply.body = "Нет сканов ДБЗ\n";
        return reply;
    }
    const bool pdf = choice.kind == "pdf";
    reply.body = pdf ? make_pdf(dbz_num + " " + dbz_dt, choice.bytes)
                     : make_tiff(choice.kind == "tiff_be", choice.bytes);
    reply.content_type = choice.kind == "tiff_be" ? "image/tiff" : "application/pdf";
    const std::string name = choice.name.empty() ? scan_file_name(dbz_num, pdf ? "pdf" : "tif") : choice.name;
    reply.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + name + "\"");
    return reply;
}

} // namespace sandbox::abs
