/*
 * The registry of payment requests. Contracts stand in registry.h.
 */
#include "registry.h"

#include <algorithm>

namespace sandbox::abs
{

namespace
{

std::size_t position(std::string_view field)
{
    return static_cast<std::size_t>(std::find(pt_fields.begin(), pt_fields.end(), field) - pt_fields.begin());
}

bool passes(const PaymentRequest &request, const PtFilter &filter)
{
    return request.listed && (filter.ben_bin.empty() || request["ben_bin"] == filter.ben_bin) &&
           (filter.iinbin.empty() || request["iinbin"] == filter.iinbin) &&
           (filter.doc_at1.empty() || request["doc_at"] >= filter.doc_at1) &&
           (filter.doc_at2.empty() || request["doc_at"] <= filter.doc_at2);
}

void add_fields(JsonObject &out, const PaymentRequest &request)
{
    for (std::size_t i = 0; i < pt_fields.size(); ++i) {
        if (pt_fields[i] == "amount")
            out.raw(pt_fields[i], request.values[i]);
        else
            out.text(pt_fields[i], request.values[i]);
    }
}

} // namespace

std::string &PaymentRequest::operator[](std::string_view field)
{
    return values.at(position(field));
}

const std::string &PaymentRequest::operator[](std::string_view field) const
{
    return values.at(position(field));
}

std::string PaymentRequest::row() const
{
    JsonObject out;
    add_fields(out, *this);
    return out.str();
}

bool Registry::add(PaymentRequest request)
{
    const std::string refer = request["refer"];
    if (!requests_.emplace(refer, std::move(request)).second)
        return false;
    order_.push_back(refer);
    return true;
}

bool Registry::settle(PtCall call, const std::string &refer, const std::string &reason_code)
{
    PaymentRequest &request = requests_.at(refer);
    if (request.state != "registered")
        return false;
    request.state = call == PtCall::refuse ? "recalled" : "returned";
    request.reason_code = reason_code;
    return true;
}

PaymentRequest *Registry::find(const std::string &refer)
{
    const auto found = requests_.find(refer);
    return found == requests_.end() ? nullptr : &found->second;
}

bool Registry::remove(const std::string &refer)
{
    order_.erase(std::remove(order_.begin(), order_.end(), refer), order_.end());
    return requests_.erase(refer) > 0;
}

std::vector<const PaymentRequest *> Registry::list(const PtFilter &filter) const
{
    std::vector<const PaymentRequest *> out;
    for (const std::string &refer : order_) {
        const PaymentRequest &request = requests_.at(refer);
        if (passes(request, filter))
            out.push_back(&request);
    }
    return out;
}

void Registry::describe(JsonObject &out, const Tally &tally)
{
    static constexpr std::array<std::string_view, 3> names = {"reg_pt", "refuse_pt", "return_pt"};
    JsonObject arrived;
    JsonObject processed;
    for (std::size_t i = 0; i < names.size(); ++i) {
        arrived.number(names[i], static_cast<std::int64_t>(tally.arrived[i]));
        processed.number(names[i], static_cast<std::int64_t>(tally.processed[i]));
    }
    out.raw("arrived", arrived.str()).raw("processed", processed.str());
}

std::string Registry::to_json(const std::string &refer) const
{
    JsonArray items;
    JsonArray unregistered;
    for (const std::string &known : order_) {
        if (!refer.empty() && known != refer)
            continue;
        const PaymentRequest &request = requests_.at(known);
        JsonObject out;
        add_fields(out, request);
        out.text("amount_text", request["amount"]).text("state", request.state);
        out.text("reason_code", request.reason_code).flag("listed", request.listed);
        const auto tally = tallies_.find(known);
        describe(out, tally == tallies_.end() ? Tally{} : tally->second);
        items.raw(out.str());
    }
    for (const auto &[known, tally] : tallies_) {
        if ((!refer.empty() && known != refer) || requests_.contains(known))
            continue;
        JsonObject out;
        out.text("refer", known);
        describe(out, tally);
        unregistered.raw(out.str());
    }
    return JsonObject()
        .number("count", static_cast<std::int64_t>(order_.size()))
        .raw("items", items.str())
        .raw("unregistered", unregistered.str())
        .str();
}

void Registry::clear()
{
    requests_.clear();
    order_.clear();
    tallies_.clear();
}

} // namespace sandbox::abs
