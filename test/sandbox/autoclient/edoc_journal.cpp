/*
 * Electronic documents: the archive and its journals. Contracts stand in edoc.h.
 */
#include "edoc.h"

#include "../text.h"

#include <algorithm>
#include <array>
#include <map>

namespace sandbox::autoclient
{

namespace
{

constexpr std::array<std::string_view, 11> sort_keys = {
    "doc_id", "type",     "status",      "sending_time", "receipt_time",  "last_modify_time",
    "amount", "doc_date", "create_time", "sender_okpo",  "recipient_okpo"};

std::string_view status_name(int status)
{
    switch (status) {
    case 3:
        return "READY_TO_WORK";
    case 4:
        return "SIGNED_BY_SENDER";
    case 11:
        return "REJECTED_BY_RECIPIENT";
    case 12:
        return "SIGNED_BY_RECIPIENT";
    case 14:
        return "RECIPIENT_PREVIEW";
    default:
        return "APPROVED_BY_RECIPIENT";
    }
}

std::string moment(const Document &document)
{
    return day_text(document.created, DayForm::iso) + " " + time_text(document.minute * 60);
}

/* %XX decoded; stringFilter travels so (autoclient.md 6.1). */
std::string percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
            std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
            out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string lower_case(std::string_view utf8)
{
    std::string out;
    const std::string upper = "АБВГҐДЕЄЖЗИІЇЙКЛМНОПРСТУФХЦЧШЩЬЮЯ";
    const std::string lower = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя";
    for (std::size_t i = 0; i < utf8.size();) {
        const std::size_t length = std::max<std::size_t>(1, utf8_sequence(utf8.substr(i)));
        const std::size_t at = length == 2 ? upper.find(utf8.substr(i, 2)) : std::string::npos;
        out += at == std::string::npos ? to_lower(utf8.substr(i, length)) : lower.substr(at, 2);
        i += length;
    }
    return out;
}

bool speaks_of(const Document &document, const std::string &where, const std::string &key)
{
    const std::map<std::string, std::string> fields = {
        {"company", document.sender + " " + document.sender_name + " " + document.recipient + " " +
                        document.recipient_name},
        {"docName", document.name + " Рахунок " + document.number},
        {"docStatus", std::string(status_name(document.status))},
        {"docSum", amount_text(document.amount)}};
    return std::any_of(fields.begin(), fields.end(), [&](const auto &field) {
        return (where == "everything" || where == field.first) &&
               lower_case(field.second).find(lower_case(key)) != std::string::npos;
    });
}

} // namespace

struct Edoc::Filter {
    Day from = 0;
    Day to = 0;
    bool by_document = false;
    std::vector<std::string> codes;
    std::string related;
    std::int64_t limit = 5000;
    std::int64_t offset = 0;
    std::vector<std::string> types;
    std::vector<std::string> statuses;
    std::string sort = "doc_id";
    bool ascending = false;
    bool unread = false;
    std::vector<std::pair<std::string, std::string>> searches;
    Amount lowest = 0;
    Amount highest = INT64_MAX;
};

Edoc::Edoc(const Model &model) : model_(model)
{
    for (const Company &company : model.companies) {
        for (std::uint64_t i = 0; i < 24; ++i) {
            Document each;
            const std::uint64_t mix = mixed(model.habits.seed + 21, stable_hash(company.id), i);
            each.id = 7000000000 + documents_.size();
            each.created = model.clock.today() - static_cast<Day>(i * 2);
            each.minute = static_cast<int>(mix % 1440);
            each.dated = each.created - static_cast<Day>(mix >> 8 & 3);
            each.amount = static_cast<Amount>(mix >> 16 & 0xFFFFFF) + 1;
            const bool incoming = i % 2 == 0;
            each.status = incoming ? (i % 4 == 0 ? 14 : 12) : (i % 3 == 0 ? 3 : 4);
            each.sender = incoming ? "34554355" : company.code;
            each.sender_name = incoming ? "ТОВ \"ПОСТАЧАЛЬНИК\"" : company.name;
            each.recipient = incoming ? company.code : "34554356";
            each.recipient_name = incoming ? company.name : "ТОВ «Покупець»";
            each.number = "Р-" + std::to_string(i + 1);
            each.name = "rahunok_" + std::to_string(i + 1) + (i % 5 == 0 ? ".pdf" : ".xml");
            each.type = i % 3 == 0 ? 2800 : 2756;
            each.unread = i % 6 == 0;
            documents_.push_back(each);
        }
    }
}

Edoc::Filter Edoc::read_filter(const Caller &caller)
{
    const Input input(caller.body, refuse_edoc_parameter, {"dateBegin", "dateEnd"},
                      {"dateSource", "okpo", "relatedOkpo", "limit", "offset", "docType", "status", "sortBy",
                       "orderBy", "unreadBy", "stringFilter", "docSumFrom", "docSumTo"});
    Filter filter;
    const auto day = [&](std::string_view name) {
        const std::optional<Day> value = read_day(input.text(name), DayForm::iso);
        if (!value)
            input.refuse(name, "must be YYYY-MM-DD");
        return *value;
    };
    filter.from = day("dateBegin");
    filter.to = day("dateEnd");
    filter.by_document = input.text("dateSource") == "document";
    if (input.has("dateSource") && !filter.by_document)
        input.refuse("dateSource", "accepts only 'document'");
    filter.codes = input.texts("okpo");
    filter.related = input.text("relatedOkpo");
    filter.limit = input.count("limit", filter.limit);
    filter.offset = input.count("offset", 0);
    filter.types = input.texts("docType");
    filter.statuses = input.texts("status");
    filter.sort = input.has("sortBy") ? input.text("sortBy") : filter.sort;
    if (std::find(sort_keys.begin(), sort_keys.end(), filter.sort) == sort_keys.end())
        input.refuse("sortBy", "has no such value");
    const std::string order = to_lower(input.text("orderBy"));
    if (!order.empty() && order != "asc" && order != "desc")
        refuse_edoc(400, "VE005", "Помилкові параметри: " + input.text("orderBy"),
                    "Incorrect request parameters: {0}", JsonArray().text(input.text("orderBy")).str(),
                    "'OrderBy' accepts only 'decs' or 'acs' values ignore case");
    filter.ascending = order == "asc";
    filter.unread = input.text("unreadBy") == "user";
    const auto sum = [&](std::string_view name, Amount fallback) {
        const std::optional<Amount> value = read_amount(input.text(name));
        if (input.has(name) && !value)
            input.refuse(name, "must be an amount");
        return value.value_or(fallback);
    };
    filter.lowest = sum("docSumFrom", filter.lowest);
    filter.highest = sum("docSumTo", filter.highest);
    if (!input.has("stringFilter"))
        return filter;
    const std::string text = percent_decoded(input.text("stringFilter"));
    try {
        const Value list = parse_json(text);
        for (const Value &each : list.items) {
            const Input search(each, refuse_edoc_parameter, "stringFilter.", {"searchBy", "key"});
            if (search.text("key").size() < 3)
                search.refuse("key", "must have 3 characters at least");
            filter.searches.emplace_back(search.text("searchBy"), search.text("key"));
        }
    } catch (const JsonError &) {
        input.refuse("stringFilter", "must be a URL-encoded JSON array");
    }
    return filter;
}

std::vector<const Document *> Edoc::selected(std::string_view journal, const Caller &caller,
                                             const Filter &filter) const
{
    const std::string &own = model_.companies[caller.company].code;
    const auto listed = [](const std::vector<std::string> &list, const std::string &value) {
        return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    const auto in_journal = [&](const Document &each) {
        const bool incoming = each.recipient == own && each.sent();
        const bool outgoing = each.sender == own;
        if (journal == "inbox")
            return incoming;
        if (journal == "outbox")
            return outgoing && each.sent();
        if (journal == "in-process")
            return outgoing && !each.sent();
        if (journal == "to-pay")
            return incoming && each.additional.empty() && each.type == 2756;
        return incoming || outgoing;
    };
    std::vector<const Document *> out;
    for (const Document &each : documents_) {
        const Day day = filter.by_document ? each.dated : each.created;
        const bool fits = each.status != 16 && in_journal(each) && day >= filter.from && day <= filter.to &&
                          (listed(filter.codes, each.sender) || listed(filter.codes, each.recipient)) &&
                          (filter.related.empty() || filter.related == each.recipient) &&
                          listed(filter.types, std::to_string(each.type)) &&
                          listed(filter.statuses, std::to_string(each.status)) &&
                          (!filter.unread || each.unread) && each.amount >= filter.lowest &&
                          each.amount <= filter.highest;
        const auto speaks = [&](const auto &search) { return speaks_of(each, search.first, search.second); };
        if (fits && std::all_of(filter.searches.begin(), filter.searches.end(), speaks))
            out.push_back(&each);
    }
    return out;
}

Reply Edoc::journal(std::string_view journal, const Caller &caller)
{
    const Filter filter = read_filter(caller);
    std::vector<const Document *> found = selected(journal, caller, filter);
    const auto key = [&](const Document &each) -> std::string {
        const auto padded = [](std::int64_t number) {
            const std::string text = std::to_string(number);
            return std::string(20 - text.size(), '0') + text;
        };
        if (filter.sort == "amount")
            return padded(each.amount);
        if (filter.sort == "doc_date")
            return day_text(each.dated, DayForm::iso);
        if (filter.sort == "type" || filter.sort == "status")
            return padded(filter.sort == "type" ? each.type : each.status);
        if (filter.sort == "sender_okpo" || filter.sort == "recipient_okpo")
            return filter.sort == "sender_okpo" ? each.sender : each.recipient;
        return filter.sort == "doc_id" ? padded(static_cast<std::int64_t>(each.id)) : moment(each);
    };
    std::stable_sort(found.begin(), found.end(), [&](const Document *a, const Document *b) {
        return filter.ascending ? key(*a) < key(*b) : key(*b) < key(*a);
    });
    JsonArray rows;
    for (std::size_t i = static_cast<std::size_t>(filter.offset);
         i < std::min(found.size(), static_cast<std::size_t>(filter.offset + filter.limit)); ++i)
        rows.raw(document_json(*found[i]));
    std::string sorted = filter.sort;
    std::transform(sorted.begin(), sorted.end(), sorted.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return json_reply(JsonObject()
                          .raw("documents", rows.str())
                          .number("total", static_cast<std::int64_t>(found.size()))
                          .number("offset", filter.offset)
                          .number("limit", filter.limit)
                          .text("sortedBy", sorted)
                          .str());
}

std::string Edoc::document_json(const Document &document) const
{
    JsonObject out;
    const std::string time = moment(document);
    out.number("ID", static_cast<std::int64_t>(document.id)).raw("idStr", "null").text("CREATE_DATE", time);
    out.raw("RECEIPT_DATE", document.sent() ? json_string(time) : "null");
    out.raw("SEND_DATE", document.sent() ? json_string(time) : "null").text("LAST_MODIFY_TIME", time);
    out.text("DOC_DATE", day_text(document.dated, DayForm::iso)).raw("TAX_HDATETIME", "null");
    out.raw("TAX_HNUMREG", "null")
        .raw("AMOUNT", amount_text(document.amount))
        .number("STATUS", document.status);
    out.text("STATUS_NAME", status_name(document.status)).text("OKPO_SENDER", document.sender);
    out.text("OKPO_RECIPIENT", document.recipient).text("OKPO_SENDER_NAME", document.sender_name);
    out.text("OKPO_RECIPIENT_NAME", document.recipient_name).text("DOC_NUMBER", document.number);
    out.text("ORIGINAL_DOC_NAME", document.name).text("DOC_NAME", document.name);
    out.number("DOC_TYPE", document.type).flag("IS_EDITED", false).flag("NEED_TO_EDIT", false);
    out.flag("IS_RENDERED_TO_PDF", true).text("CREATOR", "USER");
    out.raw("ADDITION_STATUS", document.additional.empty() ? "null" : json_string(document.additional));
    out.text("TAX_RESULT_STATUS", "UNKNOWN").raw("ID_OF_BASE_DOC", "null");
    out.text("DOC_ADDITIONAL_DATA", "{\"vat\": \"0.0\"}");
    for (const char *name : {"TIN_SENDER", "TIN_RECIPIENT", "PAYMENT_REFERENCE", "COMMENT", "TAGS", "TAXES"})
        out.raw(name, "null");
    out.text("VAT", "0.0").number("UNREAD_SENDER", 0).number("UNREAD_RECIPIENT", document.unread);
    return out.number("UNREAD_DISCUSSION_SENDER", 0).number("UNREAD_DISCUSSION_RECIPIENT", 0).str();
}

std::string Edoc::to_json() const
{
    JsonArray list;
    for (const Document &each : documents_)
        list.raw(JsonObject()
                     .number("id", static_cast<std::int64_t>(each.id))
                     .number("status", each.status)
                     .text("sender", each.sender)
                     .text("name", each.name)
                     .text("additional", each.additional)
                     .number("bytes", static_cast<std::int64_t>(each.content.size()))
                     .text("content_base64", to_base64(each.content))
                     .str());
    return JsonObject()
        .number("uploads", static_cast<std::int64_t>(uploads_))
        .raw("documents", list.str())
        .str();
}

} // namespace sandbox::autoclient
