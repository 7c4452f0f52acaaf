// Fuzzes the walk through JSON text. Where the scanner reads the text, the walk finds the same members and
// elements, down to the scalars; through other text it comes to an end and stays inside.
#include "reply/json_text.hpp"
#include "reply/json_walk.hpp"

#include "property.hpp"

#include <string>
#include <vector>

namespace
{

constexpr int deepest = 20; // the scanner reads the rest of a text anew at each level

std::string decoded(std::string_view literal)
{
    const std::string_view content = reply::inside(literal);
    std::string out(content.size(), '\0');
    out.resize(reply::decode_simple(content, out.data()));
    return out;
}

void check_string(std::string_view literal)
{
    const std::string_view content = reply::inside(literal);
    fuzz::promise(reply::has_escapes(content) == (content.find('\\') != content.npos), "escapes are seen");
    if (!reply::has_unicode_escapes(content))
        fuzz::promise(decoded(literal) == reply::decode_string(literal), "a string says the same");
}

void check(std::string_view text, int depth);

void check_object(std::string_view text, const std::vector<reply::Member> &members, int depth)
{
    reply::Walk walk(text);
    fuzz::promise(walk.enter('{'), "an object is entered");
    for (const reply::Member &member : members) {
        fuzz::promise(walk.more('}'), "no member is missed");
        const std::string_view name = walk.name();
        check_string(name);
        fuzz::promise(reply::decode_string(name) == member.name, "a member has its name");
        const std::string_view value = walk.value();
        fuzz::promise(value == member.value && value.data() == member.value.data(), "and its value");
        check(value, depth + 1);
    }
    fuzz::promise(!walk.more('}'), "no member is made up");
}

void check_array(std::string_view text, const std::vector<std::string_view> &elements, int depth)
{
    reply::Walk walk(text);
    fuzz::promise(walk.enter('['), "an array is entered");
    for (const std::string_view element : elements) {
        fuzz::promise(walk.more(']'), "no element is missed");
        const std::string_view value = walk.value();
        fuzz::promise(value == element && value.data() == element.data(), "an element is its slice");
        check(value, depth + 1);
    }
    fuzz::promise(!walk.more(']'), "no element is made up");
}

void check(std::string_view text, int depth)
{
    const reply::Document document = reply::scan(text);
    if (document.kind == reply::Document::Kind::scalar && document.elements.front().starts_with('"'))
        check_string(document.elements.front());
    if (depth >= deepest)
        return;
    if (document.kind == reply::Document::Kind::object)
        check_object(text, document.members, depth);
    else if (document.kind == reply::Document::Kind::array)
        check_array(text, document.elements, depth);
}

// Whatever the text is: slices lie inside it and each step comes on.
void wander(std::string_view text)
{
    const auto inside = [&](std::string_view slice) {
        return slice.empty() ||
               (slice.data() >= text.data() && slice.data() + slice.size() <= text.data() + text.size());
    };
    for (const char open : {'{', '['}) {
        reply::Walk walk(text);
        std::size_t steps = 0;
        if (!walk.enter(open))
            continue;
        while (walk.more(open == '{' ? '}' : ']')) {
            const std::string_view name = open == '{' ? walk.name() : walk.value();
            const std::string_view value = open == '{' ? walk.value() : std::string_view();
            fuzz::promise(inside(name) && inside(value), "slices lie inside the text");
            fuzz::promise(decoded(name).size() <= name.size(), "a decoded string is not longer");
            fuzz::promise(++steps <= text.size(), "a walk comes to an end");
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const fuzz::Block block(data, size);
    wander(block.view());
    try {
        check(block.view(), 0);
    } catch (const reply::BadJson &) {
        return 0;
    }
    return 0;
}
