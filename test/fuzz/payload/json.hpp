// JSON as text that may be wrong on purpose: a tree whose scalars and keys are the literal characters to
// send, so that repeated keys, odd numbers and broken escapes survive until they are written out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fuzz
{

struct Member;

struct Json {
    enum class Kind { literal, array, object };

    Kind kind = Kind::literal;
    std::string text = "null";   // of a literal, as sent
    std::vector<Json> items;     // of an array
    std::vector<Member> members; // of an object

    static Json literal(std::string text);
    static Json string(std::string_view utf8); // quoted and escaped
    static Json array(std::vector<Json> items);
    static Json object(std::vector<Member> members);
};

struct Member {
    std::string key; // as sent, with its quotes
    Json value;
};

// "…" with the escapes that JSON requires.
std::string quote(std::string_view utf8);

// Reads valid JSON; throws std::runtime_error with the place of the first fault.
Json parse(std::string_view text);

std::string write(const Json &json);

} // namespace fuzz
