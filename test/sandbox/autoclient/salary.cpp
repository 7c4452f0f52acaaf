/*
 * The salary project: groups, receivers and the lists. Contracts stand in salary.h; maspay packets are in
 * salary_packets.cpp.
 */
#include "salary.h"

#include "salary_support.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

std::size_t number_parameter(const Request &request, std::string_view name, std::size_t fallback,
                             std::size_t highest)
{
    const std::string text = parameter(request, name);
    if (text.empty())
        return fallback;
    if (!is_integer(text) || text.starts_with('-') || text.size() > 8 || std::stoul(text) > highest)
        refuse_salary("isa", "V_BAD_PARAM", {name});
    return std::stoul(text);
}

std::string receiver_json(const Receiver &receiver)
{
    JsonArray fio;
    for (const std::string &part : receiver.fio)
        fio.text(part);
    JsonObject out;
    out.text("id", receiver.id).text("pan", receiver.pan).raw("fio", fio.str());
    out.text("inn", receiver.inn).text("group", receiver.group);
    if (!receiver.tabn.empty())
        out.text("tabn", receiver.tabn);
    return out.str();
}

} // namespace

PageOf page_of(const Request &request)
{
    PageOf page;
    page.size = number_parameter(request, "page-size", 100, 100);
    if (page.size == 0)
        refuse_salary("isa", "V_BAD_PARAM", {"page-size"});
    page.first = number_parameter(request, "page", 0, 1000000) * page.size;
    return page;
}

void complain_salary(const std::string &name, const std::string &)
{
    refuse_salary("isa", "V_BAD_PARAM", {name});
}

void know_salary_parameters(const Request &request, Input::Names known)
{
    for (const auto &[name, value] : request.query)
        if (name != "id" && name != "ID" && std::find(known.begin(), known.end(), name) == known.end())
            refuse_salary("isa", "V_BAD_PARAM", {name});
}

Salary::Salary(const Model &model) : model_(model)
{
    for (std::uint32_t company = 0; company < model.companies.size(); ++company) {
        for (unsigned i = 1; i <= 120; ++i) {
            Receiver each;
            each.id = "rcv-" + std::to_string(company + 1) + "-" + std::to_string(i);
            each.company = company;
            each.pan = "4149 **** **** " + std::to_string(1000 + i);
            each.fio = {"Тестовий" + std::to_string(i), "Тест", "Тестович"};
            each.inn = std::to_string(1111111111 + i);
            each.group = i % 20 == 0 ? "STUDENT" : "SALARY";
            each.tabn = std::to_string(i);
            receivers_.push_back(each);
        }
        for (unsigned i = 1; i <= 5; ++i) {
            Packet each;
            each.reference = "PKT" + std::to_string(company + 1) + "0000" + std::to_string(i);
            each.company = company;
            each.system = i % 2 == 0 ? "reqpay" : "maspay";
            each.group = i % 2 == 0 ? "MASSPAYMENTS" : "SALARY";
            each.created = model.clock.today() - static_cast<Day>(i * 10);
            each.finished = true;
            each.status = i == 5 ? "R" : "F";
            each.substatus = i == 5 ? "" : i == 4 ? "R" : "F";
            each.name = "Аванс № " + std::to_string(i);
            each.error = i == 5 ? "Відхилено банком" : "";
            each.lines = {{"ln-1", "rcv-" + std::to_string(company + 1) + "-1", "аванс", 125050, "M", ""},
                          {"ln-2", "rcv-" + std::to_string(company + 1) + "-2", "аванс", 98001,
                           i == 4 ? "E" : "M", i == 4 ? "CARD_CLOSED" : ""}};
            packets_.push_back(each);
        }
    }
}

Reply Salary::groups(const Caller &, const Request &request) const
{
    know_salary_parameters(request, {});
    return json_reply(R"([{"type":"SALARY","name":"Зарплатний проєкт","rko":0.05},)"
                      R"({"type":"STUDENT","name":"Стипендії","rko":0},)"
                      R"({"type":"MASSPAYMENTS","name":"Масові виплати","rko":0.50}])");
}

Reply Salary::receivers(const Caller &caller, const Request &request) const
{
    know_salary_parameters(request, {"group", "page", "page-size", "filter"});
    const std::string group = parameter(request, "group");
    const std::string filter = parameter(request, "filter");
    static const std::vector<std::string> known = {"ALL", "SALARY", "STUDENT", "MASSPAYMENTS", "HESED"};
    if (std::find(known.begin(), known.end(), group) == known.end())
        refuse_salary("isa", "V_BAD_PARAM", {"group"});
    if (!filter.empty() && filter.size() < 3)
        refuse_salary("isa", "V_BAD_PARAM", {"filter"});
    const PageOf page = page_of(request);
    JsonArray out;
    std::size_t at = 0;
    for (const Receiver &each : receivers_) {
        const std::string row = receiver_json(each);
        if (each.company != caller.company || (group != "ALL" && group != each.group) ||
            (!filter.empty() && row.find(filter) == std::string::npos))
            continue;
        if (page.holds(at++))
            out.raw(row);
    }
    return json_reply(out.str());
}

Reply Salary::update_receiver(const Caller &caller)
{
    const Input input(caller.body, complain_salary, {"group", "tabn", "pan"}, {"inn", "fio"});
    Receiver fresh;
    fresh.company = caller.company;
    fresh.group = input.filled("group");
    fresh.tabn = input.filled("tabn");
    const std::string pan = input.filled("pan");
    fresh.inn = input.text("inn");
    fresh.fio = input.texts("fio");
    if (pan.size() < 8 || (input.has("fio") && fresh.fio.size() != 3))
        refuse_salary("mp", "V_BAD_PARAM", {pan.size() < 8 ? "pan" : "fio"});
    fresh.pan = pan.substr(0, 4) + " **** **** " + pan.substr(pan.size() - 4);
    for (Receiver &each : receivers_)
        if (each.company == caller.company && each.group == fresh.group && each.tabn == fresh.tabn) {
            each.pan = fresh.pan;
            each.inn = input.has("inn") ? fresh.inn : each.inn;
            each.fio = input.has("fio") ? fresh.fio : each.fio;
            return json_reply(JsonObject().text("status", "OK").text("id", each.id).str());
        }
    fresh.id = "rcv-" + std::to_string(receivers_.size() + 1);
    receivers_.push_back(fresh);
    return json_reply(JsonObject().text("status", "OK").text("id", fresh.id).str());
}

Reply Salary::packets(const Caller &caller, const Request &request)
{
    know_salary_parameters(request, {"status", "page", "page-size", "from", "to"});
    const std::string wanted = parameter(request, "status");
    if (!wanted.empty() && wanted != "V" && wanted != "A" && wanted != "F" && wanted != "R")
        refuse_salary("isa", "V_BAD_PARAM", {"status"});
    const bool dated = wanted.empty() || wanted == "F" || wanted == "R";
    const std::optional<Day> from = read_day(parameter(request, "from"), DayForm::iso);
    const std::optional<Day> to = read_day(parameter(request, "to"), DayForm::iso);
    if (dated && (!from || !to))
        refuse_salary("isa", "V_BAD_PARAM", {from ? "to" : "from"});
    const PageOf page = page_of(request);
    const auto kind = [](const Packet &each) -> std::string {
        if (each.status == "F" || each.status == "R")
            return each.status;
        return each.status == "N" || each.status == "W" || each.status == "P" ? "V" : "A";
    };
    JsonArray out;
    std::size_t at = 0;
    for (Packet &each : packets_) {
        settle(each);
        if (each.company != caller.company || (!wanted.empty() && kind(each) != wanted) ||
            (dated && (each.created < *from || each.created >= *to)))
            continue;
        if (page.holds(at++))
            out.raw(packet_json(each, true));
    }
    return json_reply(out.str());
}

std::string Salary::to_json() const
{
    JsonArray packets;
    for (const Packet &each : packets_) {
        JsonArray lines;
        for (const PacketLine &line : each.lines)
            lines.raw(line_json(each, line));
        packets.raw(JsonObject()
                        .text("company", model_.companies[each.company].id)
                        .raw("header", packet_json(each, false))
                        .raw("lines", lines.str())
                        .str());
    }
    return JsonObject()
        .number("receivers", static_cast<std::int64_t>(receivers_.size()))
        .raw("packets", packets.str())
        .str();
}

} // namespace sandbox::autoclient
