/*
 * The salary project: maspay packets and their lines. Contracts stand in salary.h.
 */
#include "salary.h"

#include "salary_support.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

/* The packet named in the path /api/pay/maspay/{ref}/… */
Packet &Salary::find(const Caller &caller, const Request &request)
{
    const std::string head = "/api/pay/maspay/";
    const std::string ref = request.path.substr(head.size(), request.path.rfind('/') - head.size());
    for (Packet &each : packets_) {
        if (each.reference != ref || each.system != "maspay")
            continue;
        if (each.company != caller.company)
            refuse_salary("maspay", "L_ACCESS_DENIED", {ref});
        settle(each);
        return each;
    }
    refuse_salary("maspay", "L_ENTITY_NOT_EXISTS", {ref});
}

const Receiver *Salary::receiver(const Packet &packet, const std::string &id) const
{
    for (const Receiver &each : receivers_)
        if (each.id == id && each.company == packet.company)
            return &each;
    return nullptr;
}

/* Ends a validation that was started by an earlier call: W when every line is good. */
void Salary::settle(Packet &packet) const
{
    if (!packet.validating)
        return;
    packet.validating = false;
    bool good = !packet.lines.empty();
    for (PacketLine &line : packet.lines) {
        const bool fine = line.amount > 0 && receiver(packet, line.receiver);
        line.status = fine ? "R" : "N$";
        line.error = fine ? "" : "ZERO_AMOUNT";
        good = good && fine;
    }
    packet.status = good ? "W" : "N";
    packet.substatus = "";
    ++packet.revision;
}

void Salary::make_editable(Packet &packet) const
{
    if (packet.status != "N" && packet.status != "W")
        refuse_salary("maspay", "L_UNABLE_TO_COMPLETE_OPERATION", {packet.reference});
    packet.status = "N";
    ++packet.revision;
}

std::string Salary::packet_json(const Packet &packet, bool listed) const
{
    Amount sum = 0;
    for (const PacketLine &line : packet.lines)
        sum += line.amount;
    const std::string day = day_text(packet.created, DayForm::iso);
    JsonObject out;
    out.text("reference", packet.reference)
        .text(listed ? "system" : "group", listed ? packet.system : packet.group);
    out.text("createdAt", day + "T09:00:00.000");
    out.raw("finishedAt", packet.finished ? json_string(day + "T10:00:00.000") : "null");
    out.text("status", packet.status).text("substatus", packet.substatus).text("packetName", packet.name);
    out.raw("errText", packet.error.empty() ? "null" : json_string(packet.error));
    out.number("recordCount", static_cast<std::int64_t>(packet.lines.size()))
        .raw("recordAmount", amount_text(sum));
    return out.number("revision", packet.revision).str();
}

std::string Salary::line_json(const Packet &packet, const PacketLine &line) const
{
    const Receiver *to = receiver(packet, line.receiver);
    std::string fio;
    for (const std::string &part : to ? to->fio : std::vector<std::string>())
        fio += (fio.empty() ? "" : " ") + part;
    JsonObject out;
    out.text("ref", line.ref)
        .text("fio", fio)
        .text("inn", to ? to->inn : "")
        .text("cardNumber", to ? to->pan : "");
    out.text("comment", line.comment).raw("amount", amount_text(line.amount)).text("status", line.status);
    out.raw("errorCode", line.error.empty() ? "null" : json_string(line.error));
    return out.text("tabNo", to ? to->tabn : "").str();
}

Reply Salary::header(const Caller &caller, const Request &request)
{
    know_salary_parameters(request, {});
    return json_reply(packet_json(find(caller, request), false));
}

Reply Salary::content(const Caller &caller, const Request &request)
{
    know_salary_parameters(request, {"page", "page-size"});
    const Packet &packet = find(caller, request);
    const PageOf page = page_of(request);
    JsonArray out;
    for (std::size_t i = 0; i < packet.lines.size(); ++i)
        if (page.holds(i))
            out.raw(line_json(packet, packet.lines[i]));
    return json_reply(out.str());
}

Reply Salary::add_line(const Caller &caller, const Request &request)
{
    Packet &packet = find(caller, request);
    const Input input(caller.body, complain_salary, {"receiver", "amount"}, {"comment"});
    PacketLine line;
    line.receiver = input.filled("receiver");
    line.comment = input.text("comment");
    line.amount = input.amount("amount");
    if (line.amount == 0)
        refuse_salary("maspay", "V_BAD_PARAM", {"amount"});
    const Receiver *to = receiver(packet, line.receiver);
    if (!to || to->group != packet.group)
        refuse_salary("mp", "L_ENTITY_NOT_EXISTS", {line.receiver});
    make_editable(packet);
    line.ref = "rec-" + std::to_string(packet.next_line++);
    packet.lines.push_back(line);
    return json_reply(JsonObject().text("ref", line.ref).str());
}

Reply Salary::remove_line(const Caller &caller, const Request &request)
{
    Packet &packet = find(caller, request);
    const Input input(caller.body, complain_salary, {"ref"});
    const std::string ref = input.filled("ref");
    const auto named = [&](const PacketLine &line) { return line.ref == ref; };
    if (std::none_of(packet.lines.begin(), packet.lines.end(), named))
        refuse_salary("maspay", "L_ENTITY_NOT_EXISTS", {ref});
    make_editable(packet);
    std::erase_if(packet.lines, named);
    return json_reply("{}");
}

Reply Salary::validate(const Caller &caller, const Request &request)
{
    Packet &packet = find(caller, request);
    if (packet.status != "N" && packet.status != "W")
        refuse_salary("maspay", "L_UNABLE_TO_START_VALIDATION", {packet.reference});
    if (packet.status == "N") {
        packet.validating = true;
        packet.status = "P";
        packet.substatus = "V";
        ++packet.revision;
    }
    return json_reply(packet_json(packet, false));
}

Reply Salary::create(const Caller &caller)
{
    const Input input(caller.body, complain_salary, {"group", "salary"}, {"packetName"});
    Packet packet;
    packet.group = input.filled("group");
    if (packet.group != "SALARY" && packet.group != "STUDENT")
        refuse_salary("maspay", "V_BAD_PARAM", {"group"});
    input.flag("salary");
    packet.company = caller.company;
    packet.name = input.text("packetName");
    packet.created = model_.clock.calendar;
    packet.reference = "PKT9000" + std::to_string(packets_.size() + 1);
    packets_.push_back(packet);
    return json_reply(packet_json(packet, false));
}

} // namespace sandbox::autoclient
