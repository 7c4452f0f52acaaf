/*
 * Electronic reporting. Contracts stand in reporting.h.
 */
#include "reporting.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

[[noreturn]] void complain(const std::string &name, const std::string &why)
{
    refuse_eo(name + " " + why);
}

} // namespace

Reply Reporting::create(const Caller &caller, bool base64)
{
    const Parts parts =
        base64 ? Parts(caller, complain, {"uploadedFileB64", "uploadedFileName", "okpo"}, {"duplicate"})
               : Parts(caller, complain, {"file", "okpo"}, {"duplicate"});
    if (parts.text("okpo") != model_.companies[caller.company].code)
        parts.refuse("okpo", "is not the company's code");
    const std::string duplicate = parts.has("duplicate") ? parts.text("duplicate") : "error";
    if (duplicate != "error" && duplicate != "remove")
        parts.refuse("duplicate", "must be error or remove");
    Report report;
    report.company = caller.company;
    report.name = base64 ? parts.text("uploadedFileName") : parts.file("file").file_name;
    report.content = base64 ? parts.base64("uploadedFileB64") : parts.file("file").text;
    const std::string lower = to_lower(report.name);
    if (!lower.ends_with(".xml") && !lower.ends_with(".zip"))
        parts.refuse("file", "must be XML or ZIP");
    const auto same = [&](const Report &each) {
        return each.company == caller.company && each.name == report.name;
    };
    if (duplicate == "error" && std::any_of(reports_.begin(), reports_.end(), same))
        refuse_eo("Документ " + report.name + " вже існує");
    std::erase_if(reports_, same);
    report.id = 5100000 + ++last_;
    reports_.push_back(report);
    const std::string id = std::to_string(report.id);
    return json_reply(R"({"result":"success","documents":[{"id":")" + id + R"(","result":"success"}]})");
}

std::string Reporting::to_json() const
{
    JsonArray list;
    for (const Report &each : reports_)
        list.raw(JsonObject()
                     .number("id", static_cast<std::int64_t>(each.id))
                     .text("company", model_.companies[each.company].id)
                     .text("name", each.name)
                     .text("content_base64", to_base64(each.content))
                     .str());
    return JsonObject().number("created", static_cast<std::int64_t>(last_)).raw("reports", list.str()).str();
}

} // namespace sandbox::autoclient
