// How payloads are changed (mutate.hpp): objects, batches, bytes.
#include "mutate.hpp"
#include "values.hpp"

#include <algorithm>

namespace fuzz
{

namespace
{

// Same value, other type or spelling: what a tolerant reader must take, or refuse for a reason.
void respell(Random &random, Json &json)
{
    if (json.kind != Json::Kind::literal || json.text.empty())
        return;
    const bool quoted = json.text.front() == '"';
    switch (random.below(4)) {
    case 0:
        json = quoted ? Json::literal(json.text.substr(1, json.text.size() - 2)) : Json::string(json.text);
        break;
    case 1:
        json = Json::array({json});
        break;
    case 2:
        json.text = quoted ? quote(json.text.substr(1, json.text.size() - 2) + " ") : json.text + ".00";
        break;
    default:
        if (!quoted)
            json.text += "e0";
    }
}

void mutate(Random &random, Json &object)
{
    auto &members = object.members;
    if (members.empty()) {
        members.push_back({key(random), value(random)});
        return;
    }
    const auto place = members.begin() + static_cast<std::ptrdiff_t>(random.below(members.size()));
    switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        place->value = value(random);
        break;
    case 4:
        respell(random, place->value);
        break;
    case 5:
        members.erase(place);
        break;
    case 6:
        members.push_back({place->key, value(random)});
        break;
    case 7:
        members.push_back({key(random), value(random)});
        break;
    case 8:
        std::swap(place->value, random.pick(members).value);
        break;
    default:
        place->key = key(random);
    }
}

void set(Json &object, std::string_view name, Json to)
{
    const std::string quoted = quote(name);
    for (auto &[key, value] : object.members)
        if (key == quoted)
            value = std::move(to);
}

// Keys of an item: mostly its own, sometimes one that was used in this batch before.
void identify(Random &random, Json &item, std::size_t number, std::size_t request)
{
    if (random.once_in(8))
        number = random.below(number + 1);
    const std::string text = std::to_string(number);
    set(item, "contract_number",
        Json::string(random.once_in(4) ? "FUZZ-LOAN-" + std::to_string(random.below(8)) : "F" + text));
    set(item, "trn_id", Json::literal("5" + text));
    set(item, "refer", Json::string("FUZZ-EXTREQ-" + std::to_string(random.below(5))));
    set(item, "request_id", Json::literal(std::to_string(request)));
    set(item, "debt", Json::literal(std::to_string(request) + "." + (random.once_in(2) ? "10" : "07")));
    set(item, "amount", Json::literal(std::to_string(request) + ".01"));
    if (random.once_in(3))
        set(item, "system", Json::string(random.once_in(2) ? "colvir" : "own"));
}

// What stands in a batch where an item should: "more of the same", or nonsense.
Json filler(Random &random)
{
    return random.once_in(2) ? Json::object({}) : value(random);
}

std::size_t batch_size(Random &random)
{
    if (random.once_in(150))
        return 5000;
    return random.once_in(12) ? random.below(200) : random.below(8);
}

std::string finish(Random &random, const Json &json)
{
    std::string text = write(json);
    return random.once_in(25) ? damage(random, std::move(text)) : text;
}

} // namespace

std::string damage(Random &random, std::string text)
{
    for (std::size_t times = 1 + random.below(4); times > 0; --times) {
        const std::size_t at = random.below(text.size() + 1), size = random.below(20);
        switch (random.below(5)) {
        case 0:
            text.insert(at, 1, static_cast<char>(random.below(256)));
            break;
        case 1:
            text.erase(at, size);
            break;
        case 2:
            if (at < text.size())
                text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1u << random.below(8)));
            break;
        case 3:
            text.insert(at, text.substr(random.below(text.size() + 1), size));
            break;
        default:
            text.resize(at);
        }
    }
    return text;
}

std::string batch(Random &random, const Json &sample)
{
    std::vector<Json> items;
    const std::size_t size = batch_size(random), health = 1 + random.below(6);
    const std::size_t objects = random.once_in(3) ? 1 + random.below(3) : size;
    for (std::size_t i = 0; i < size; ++i) {
        Json item = sample;
        identify(random, item, i % objects, i);
        if (random.once_in(health))
            for (std::size_t times = 1 + random.below(3); times > 0; --times)
                mutate(random, item);
        items.push_back(random.once_in(20) ? filler(random) : std::move(item));
    }
    Json root = Json::array(std::move(items));
    if (random.once_in(3))
        root = Json::object({{"\"items\"", std::move(root)}});
    if (root.kind == Json::Kind::object && random.once_in(6))
        mutate(random, root);
    if (random.once_in(60))
        root = random.once_in(2) ? value(random) : nest(random, std::move(root));
    return finish(random, root);
}

std::string single(Random &random, const Json &sample)
{
    Json object = sample;
    for (std::size_t times = random.below(4); times > 0; --times)
        mutate(random, object);
    if (random.once_in(40))
        object = random.once_in(2) ? value(random) : Json::array({std::move(object)});
    return finish(random, object);
}

} // namespace fuzz
