/*
 * Chooses the fault for a request from the ordered rules. Contracts stand in faults.h.
 */
#include "faults.h"

#include "text.h"

namespace sandbox
{

namespace
{

bool matches(const FaultRule &rule, const Request &request)
{
    return request.path.starts_with(rule.path) && (rule.method.empty() || rule.method == request.method) &&
           (!rule.reused || request.nth > 1) &&
           (rule.contains.empty() || request.query_text.find(rule.contains) != std::string::npos ||
            request.body.find(rule.contains) != std::string::npos);
}

/* A number in [0, 1) that depends on nothing but its arguments. */
double draw(std::uint64_t seed, std::size_t index, std::uint64_t nth, std::string_view purpose)
{
    const std::string key = std::to_string(seed) + "/" + std::to_string(index) + "/" + std::to_string(nth) +
                            "/" + std::string(purpose);
    return static_cast<double>(stable_hash(key) >> 11) / static_cast<double>(1ULL << 53);
}

} // namespace

void Faults::load(const Value &document)
{
    std::vector<FaultRule> fresh;
    const Value *rules = document.find("rules");
    const Value *add = document.find("add");
    const Value *seed_value = document.find("seed");
    for (const auto &[name, value] : document.members)
        if (&value != rules && &value != add && &value != seed_value)
            throw Refused(400, "faults: " + name + " is unknown, use seed, rules or add");
    if ((rules != nullptr) == (add != nullptr))
        throw Refused(400, "faults: exactly one of rules and add is needed");
    const Value &list = rules ? *rules : *add;
    if (!list.is(Value::Type::array))
        throw Refused(400, "faults: the rules must be an array");
    for (const Value &item : list.items)
        fresh.push_back(read_fault_rule(item));
    if (seed_value) {
        if (!seed_value->is(Value::Type::number) || !is_integer(seed_value->text) ||
            seed_value->text.starts_with('-') || seed_value->text.size() > 18)
            throw Refused(400, "faults: seed must be a whole number");
        seed_ = std::stoull(seed_value->text);
    }
    if (rules)
        rules_.clear();
    rules_.insert(rules_.end(), fresh.begin(), fresh.end());
}

bool Faults::due(FaultRule &rule, std::size_t index) const
{
    const std::uint64_t nth = rule.matched++;
    return (!rule.count || rule.applied < *rule.count) && nth >= rule.skip &&
           (nth - rule.skip + 1) % rule.every == 0 && draw(seed_, index, nth, "due") < rule.probability;
}

FaultRule Faults::pick(const Request &request)
{
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        FaultRule &rule = rules_[i];
        if (!matches(rule, request) || !due(rule, i))
            continue;
        ++rule.applied;
        FaultRule chosen = rule;
        if (rule.jitter_ms > 0)
            chosen.wait_ms += static_cast<std::uint64_t>(draw(seed_, i, rule.matched, "jitter") *
                                                         static_cast<double>(rule.jitter_ms));
        return chosen;
    }
    FaultRule usual;
    usual.processing = Processing::at_arrival;
    return usual;
}

std::string Faults::to_json() const
{
    JsonArray rules;
    for (const FaultRule &rule : rules_)
        rules.raw(JsonObject()
                      .raw("rule", rule.text)
                      .number("matched", static_cast<std::int64_t>(rule.matched))
                      .number("applied", static_cast<std::int64_t>(rule.applied))
                      .str());
    return JsonObject().number("seed", static_cast<std::int64_t>(seed_)).raw("rules", rules.str()).str();
}

} // namespace sandbox
