// See tree.hpp.
#include "tree.hpp"
#include "mutate.hpp"
#include "values.hpp"

#include <algorithm>

namespace fuzz
{

namespace
{

void collect(Json &json, std::vector<Json *> &nodes)
{
    nodes.push_back(&json);
    for (Json &item : json.items)
        collect(item, nodes);
    for (Member &member : json.members)
        collect(member.value, nodes);
}

Json &any_node(Random &random, Json &root)
{
    std::vector<Json *> nodes;
    collect(root, nodes);
    return *random.pick(nodes);
}

// A number as a text or the reverse, an amount with another sign, scale or size.
void respell(Random &random, Json &literal)
{
    const bool quoted = literal.text.starts_with('"');
    const std::string inner =
        quoted && literal.text.size() > 1 ? literal.text.substr(1, literal.text.size() - 2) : literal.text;
    static constexpr const char *amounts[] = {"-0.01", "0.005",    "1e2",       "999999999999999999.99",
                                              "1e18",  "86429.87", "100.10000", "31.02.2026 00:00:00"};
    const std::string text = random.once_in(3) ? random.pick(amounts) : inner;
    literal = Json::literal(random.once_in(2) ? "\"" + text + "\"" : text);
}

void change_array(Random &random, std::vector<Json> &items)
{
    if (items.empty()) {
        items.push_back(value(random));
        return;
    }
    const std::size_t at = random.below(items.size());
    switch (random.below(5)) {
    case 0:
        items.push_back(Json(items[at]));
        break;
    case 1:
        items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
        break;
    case 2:
        std::swap(items[at], random.pick(items));
        break;
    case 3:
        items.push_back(random.once_in(2) ? Json::object({}) : value(random));
        break;
    default:
        // A long page of rows like this one, the same keys again and again.
        items.insert(items.end(), random.once_in(20) ? 500 : random.below(5), Json(items[at]));
    }
}

void change_object(Random &random, std::vector<Member> &members)
{
    if (members.empty()) {
        members.push_back({key(random), value(random)});
        return;
    }
    const std::size_t at = random.below(members.size());
    switch (random.below(5)) {
    case 0:
        members.erase(members.begin() + static_cast<std::ptrdiff_t>(at));
        break;
    case 1:
        members.push_back({members[at].key, value(random)});
        break;
    case 2:
        members.push_back({key(random), value(random)});
        break;
    case 3:
        std::swap(members[at].value, random.pick(members).value);
        break;
    default:
        members[at].value = value(random);
    }
}

void change(Random &random, Json &node)
{
    if (random.once_in(12))
        node = random.once_in(4) ? nest(random, Json(node)) : value(random);
    else if (node.kind == Json::Kind::array)
        change_array(random, node.items);
    else if (node.kind == Json::Kind::object)
        change_object(random, node.members);
    else
        respell(random, node);
}

} // namespace

std::string changed(Random &random, Json sample)
{
    for (std::size_t times = random.below(5); times > 0; --times)
        change(random, any_node(random, sample));
    std::string text = write(sample);
    return random.once_in(60) ? damage(random, std::move(text)) : text;
}

} // namespace fuzz
