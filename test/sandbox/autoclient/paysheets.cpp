/*
 * Pay-sheets. Contracts stand in paysheets.h.
 */
#include "paysheets.h"

#include "../text.h"

namespace sandbox::autoclient
{

namespace
{

[[noreturn]] void complain(const std::string &name, const std::string &)
{
    refuse_paysheets("PAYSHEET_VALID_NO_FILE", "Не вказано параметр " + name);
}

Reply utf8_json(std::string body)
{
    Reply reply = json_reply(std::move(body));
    reply.content_type = "application/json;charset=UTF-8";
    return reply;
}

/* <prefix><yyyymmdd>_<project>.<xls, xlsx or dbf> */
void check_name(const Part &file, const std::string &prefix, const std::string &project)
{
    const std::string &name = file.file_name;
    const std::size_t dot = name.rfind('.');
    const std::string extension = dot == std::string::npos ? "" : to_lower(name.substr(dot + 1));
    if (extension != "xls" && extension != "xlsx" && extension != "dbf")
        refuse_paysheets("INVALID_FILE_TYPE", "Неправильний тип файлу " + name);
    const std::string stem = name.substr(0, dot);
    if (!stem.starts_with(prefix) || stem.size() < prefix.size() + 9 ||
        !is_digits(stem.substr(prefix.size(), 8), 8) || stem.substr(prefix.size() + 8) != "_" + project)
        refuse_paysheets("PAYSHEET_VALID_WRONG_CONTENT", "Неправильна назва файлу " + name);
}

} // namespace

std::string Paysheets::rows_json(const Sheet &sheet) const
{
    JsonArray rows;
    for (const char *type : {"PAYSHEET", "CATALOG"})
        rows.raw(
            JsonObject()
                .text("uploadTime", day_text(sheet.day, DayForm::iso) + "T00:00:00.000")
                .raw("project",
                     JsonObject().text("reference", sheet.project).text("name", "Зарплатний проєкт").str())
                .text("reportYm", sheet.month)
                .text("fileType", type)
                .text("status", "UPLOADED")
                .str());
    const std::string text = rows.str();
    return text.substr(1, text.size() - 2);
}

Reply Paysheets::journal(const Caller &caller) const
{
    JsonArray rows;
    for (const Sheet &each : saved_)
        if (each.company == caller.company)
            rows.raw(rows_json(each));
    return utf8_json(rows.str());
}

Reply Paysheets::upload(const Caller &caller, const Request &request)
{
    Sheet sheet;
    sheet.company = caller.company;
    sheet.project = parameter(request, "projectReference");
    sheet.month = parameter(request, "yearmonth");
    sheet.day = model_.clock.calendar;
    const bool month =
        is_digits(sheet.month, 6) && sheet.month.substr(4) >= "01" && sheet.month.substr(4) <= "12";
    if (sheet.project.empty() || !month)
        refuse_paysheets("PROCESS_UNEXPECTED_ERR",
                         sheet.project.empty() ? "Не вказано projectReference" : "Неправильний yearmonth");
    const Parts parts(caller, complain, {"paysheet", "catalog"});
    const Part &paysheet = parts.file("paysheet");
    const Part &catalog = parts.file("catalog");
    check_name(paysheet, "EMPLOYEES_PAY_", sheet.project);
    check_name(catalog, "SPRAVOCHNIK_", sheet.project);
    sheet.paysheet = paysheet.text;
    sheet.catalog = catalog.text;
    uploaded_[caller.company] = sheet;
    ++uploads_;
    return utf8_json(R"({"status":"success"})");
}

Reply Paysheets::save(const Caller &caller)
{
    const auto found = uploaded_.find(caller.company);
    if (found == uploaded_.end())
        refuse_paysheets("PAYSHEET_VALID_NO_FILE", "Немає завантажених файлів");
    saved_.push_back(found->second);
    uploaded_.erase(found);
    return utf8_json(R"({"status":"success"})");
}

std::string Paysheets::to_json() const
{
    JsonArray list;
    for (const Sheet &each : saved_)
        list.raw(JsonObject()
                     .text("company", model_.companies[each.company].id)
                     .text("project", each.project)
                     .text("month", each.month)
                     .text("paysheet_base64", to_base64(each.paysheet))
                     .text("catalog_base64", to_base64(each.catalog))
                     .str());
    return JsonObject().number("uploads", static_cast<std::int64_t>(uploads_)).raw("saved", list.str()).str();
}

} // namespace sandbox::autoclient
