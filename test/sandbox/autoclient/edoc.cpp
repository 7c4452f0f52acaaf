/*
 * Electronic documents: uploads and the calls on one document. Contracts stand in edoc.h; journals are in
 * edoc_journal.cpp.
 */
#include "edoc.h"

#include "../abs/scan.h"
#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

Reply success()
{
    return json_reply(R"({"STATUS":"SUCCESS"})");
}

Reply binary(std::string body, const std::string &name)
{
    Reply reply;
    reply.content_type = "application/octet-stream";
    reply.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + name + "\"");
    reply.body = std::move(body);
    return reply;
}

[[noreturn]] void refuse_state(const Document &document)
{
    refuse_edoc(400, "VE005", "Документ у невідповідній стадії", "Incorrect document stage: {0}",
                JsonArray().raw(std::to_string(document.status)).str());
}

void check_days(const Parts &parts)
{
    const std::string days = parts.text("tempLinkForDays");
    if (!days.empty() && (!is_integer(days) || days.starts_with('-') || days.size() > 3))
        parts.refuse("tempLinkForDays", "must be a number of days");
}

} // namespace

void Edoc::own_code(const Caller &caller, const std::string &okpo) const
{
    if (okpo != model_.companies[caller.company].code)
        refuse_edoc(403, "VE003", "Доступ заборонено: " + okpo, "Access denied: {0}",
                    JsonArray().text(okpo).str());
}

std::string Edoc::content_of(const Document &document)
{
    if (!document.content.empty())
        return document.content;
    return "<?xml version=\"1.0\" encoding=\"windows-1251\"?>\r\n<DECLAR><DOC>" +
           std::to_string(document.id) + "</DOC></DECLAR>\r\n";
}

Reply Edoc::store(const Caller &caller, Document document, bool with_status)
{
    const Company &company = model_.companies[caller.company];
    document.id = 7000000000 + documents_.size();
    document.created = model_.clock.calendar;
    document.minute = model_.clock.seconds / 60;
    document.sender = company.code;
    document.sender_name = company.name;
    for (const Document &each : documents_)
        if (each.content == document.content && each.sender == document.sender && each.status != 16)
            refuse_edoc(400, "VE011",
                        "Дублікат документа " + std::to_string(each.id) +
                            " у стадії \"Підписаний відправником\" вже існує",
                        "Document duplicate with id {0} in stage {1} already exist",
                        JsonArray().raw(std::to_string(each.id)).text("SIGNED_BY_SENDER").str());
    if (document.dated == 0)
        document.dated = document.created;
    documents_.push_back(document);
    ++uploads_;
    JsonObject out;
    if (with_status)
        out.text("STATUS", "SUCCESS");
    out.text("id", std::to_string(document.id));
    out.text("TEMP_LINK", "https://docs.24.privatbank.ua/t/" + std::to_string(document.id));
    return json_reply(out.str());
}

Reply Edoc::upload(const Caller &caller, bool signed_xml)
{
    const Parts parts(caller, refuse_edoc_parameter, {"file", "okpo"}, {"tempLinkForDays"});
    own_code(caller, parts.text("okpo"));
    check_days(parts);
    const Part &file = parts.file("file");
    if (!signed_xml && file.text.find('<') > 3)
        parts.refuse("file", "is not XML");
    Document document;
    document.name = file.file_name;
    document.content = file.text;
    document.recipient = "34554356";
    document.recipient_name = "ТОВ «Покупець»";
    document.status = signed_xml ? 4 : 3;
    document.signature = signed_xml ? file.text : "";
    return store(caller, std::move(document), !signed_xml);
}

Reply Edoc::upload_pdf(const Caller &caller, bool base64)
{
    const Parts parts(caller, refuse_edoc_parameter, {"okpo", "recipientOkpo"},
                      {"file", "uploadedFileB64", "uploadedFileName", "recipientName", "documentDate",
                       "amount", "documentNum", "tempLinkForDays"});
    own_code(caller, parts.text("okpo"));
    check_days(parts);
    Document document;
    document.content = base64 ? parts.base64("uploadedFileB64") : parts.file("file").text;
    document.name = base64 ? parts.text("uploadedFileName") : parts.file("file").file_name;
    if (!document.content.starts_with("%PDF-"))
        parts.refuse(base64 ? "uploadedFileB64" : "file", "is not PDF");
    if (!to_lower(document.name).ends_with(".pdf"))
        parts.refuse(base64 ? "uploadedFileName" : "file", "must end with .pdf");
    document.recipient = parts.text("recipientOkpo");
    document.recipient_name = parts.text("recipientName");
    document.number = parts.text("documentNum");
    const std::string date = parts.text("documentDate");
    const std::optional<Day> iso = read_day(date, DayForm::iso);
    if (!date.empty() && !iso && !read_day(date, DayForm::dotted))
        parts.refuse("documentDate", "must be a date");
    if (!date.empty())
        document.dated = iso ? *iso : *read_day(date, DayForm::dotted);
    if (parts.has("amount") && !read_amount(parts.text("amount")))
        parts.refuse("amount", "must be an amount");
    document.amount = read_amount(parts.text("amount")).value_or(0);
    document.type = 2800;
    return store(caller, std::move(document), true);
}

Reply Edoc::upload_signature(const Caller &caller)
{
    const Parts parts(caller, refuse_edoc_parameter, {"file", "okpo", "id"}, {"tempLinkForDays"});
    own_code(caller, parts.text("okpo"));
    check_days(parts);
    const std::string signature = parts.base64("file");
    for (Document &each : documents_) {
        if (std::to_string(each.id) != parts.text("id") || each.sender != parts.text("okpo"))
            continue;
        if (each.status != 3)
            refuse_state(each);
        each.signature = signature;
        each.status = 4;
        ++uploads_;
        return json_reply(JsonObject()
                              .text("STATUS", "SUCCESS")
                              .text("id", std::to_string(each.id))
                              .text("TEMP_LINK", "https://docs.24.privatbank.ua/t/" + std::to_string(each.id))
                              .str());
    }
    refuse_edoc(404, "VE004", "Документ не знайдено: " + parts.text("id"), "Document {0} is not found",
                JsonArray().text(parts.text("id")).str());
}

Document &Edoc::find(const Caller &caller, const Request &request, Input::Names more)
{
    for (const auto &[name, value] : request.query)
        if (name != "okpo" && name != "id" && name != "ID" &&
            std::find(more.begin(), more.end(), name) == more.end())
            refuse_edoc_parameter(name, "is unknown");
    const std::string okpo = parameter(request, "okpo");
    if (okpo.empty())
        refuse_edoc_parameter("okpo", "is absent");
    own_code(caller, okpo);
    const std::string id = request.path.substr(request.path.rfind('/') + 1);
    for (Document &each : documents_)
        if (std::to_string(each.id) == id && each.status != 16 &&
            (each.sender == okpo || each.recipient == okpo))
            return each;
    refuse_edoc(404, "VE004", "Документ не знайдено: " + id, "Document {0} is not found",
                JsonArray().text(id).str());
}

Reply Edoc::preview(const Caller &caller, const Request &request)
{
    Document &document = find(caller, request);
    if (document.status != 3)
        refuse_state(document);
    document.status = 14;
    return success();
}

Reply Edoc::pay(const Caller &caller, const Request &request)
{
    Document &document = find(caller, request, {"payerAccount"});
    const Account *account = model_.account(parameter(request, "payerAccount"));
    if (!account || account->company != caller.company)
        refuse_edoc_parameter("payerAccount", "is not an account of the company");
    if (!document.additional.empty() || document.recipient != model_.companies[caller.company].code)
        refuse_state(document);
    document.additional = "PAYMENT_WAS_CREATED";
    return success();
}

Reply Edoc::remove(const Caller &caller, const Request &request)
{
    Document &document = find(caller, request);
    if (document.status != 3)
        refuse_state(document);
    document.status = 16;
    return success();
}

Reply Edoc::xml(const Caller &caller, const Request &request)
{
    const Document &document = find(caller, request);
    return binary(content_of(document), document.name);
}

Reply Edoc::base64(const Caller &caller, const Request &request)
{
    const Document &document = find(caller, request);
    return json_reply(JsonObject()
                          .text("fileName", document.name)
                          .text("originalDoc", to_base64(content_of(document)))
                          .str());
}

Reply Edoc::pdf(const Caller &caller, const Request &request)
{
    const Document &document = find(caller, request);
    const bool own_pdf = document.content.starts_with("%PDF-");
    return binary(own_pdf ? document.content : abs::make_pdf("Document " + std::to_string(document.id), 0),
                  document.name.substr(0, document.name.rfind('.')) + ".pdf");
}

Reply Edoc::sign_info(const Caller &caller, const Request &request)
{
    const Document &document = find(caller, request);
    JsonArray list;
    if (document.sent())
        list.raw(JsonObject()
                     .text("okpo", document.sender)
                     .text("name", document.sender_name)
                     .text("signTime",
                           day_text(document.created, DayForm::iso) + " " + time_text(document.minute * 60))
                     .str());
    return json_reply(JsonObject().raw("signatures", list.str()).str());
}

Reply Edoc::p7s(const Caller &caller, const Request &request)
{
    const Document &document = find(caller, request);
    if (!document.sent())
        refuse_state(document);
    const std::string made_up =
        std::string("\x30\x82\x01\x00\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02", 15) +
        content_of(document);
    return binary(document.signature.empty() ? made_up : document.signature, document.name + ".p7s");
}

} // namespace sandbox::autoclient
