/*
 * JSON of the sandbox bank: a reader that keeps the received text of every number, and a writer that
 * takes raw text.
 *
 * Promises: an amount is never a binary floating point number; it goes in and out as the text that was
 * received. Duplicate keys, invalid UTF-8, lone surrogates and NUL characters are refused.
 */
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox
{

class JsonError : public std::runtime_error
{
    using std::runtime_error::runtime_error;
};

struct Member;

/*
 * One value of a document. `raw` points into the text the document was read from, which has to outlive
 * the value; `text` is the decoded string, or the number as written.
 */
struct Value {
    enum class Type { null, boolean, number, string, array, object };

    Type type = Type::null;
    bool flag = false;
    std::string text;
    std::string_view raw;
    std::vector<Member> members;
    std::vector<Value> items;

    bool is(Type other) const { return type == other; }

    /* The member of an object with this key, or nullptr. */
    const Value *find(std::string_view key) const;
};

struct Member {
    std::string first;
    Value second;
};

/* Reads one whole document. Throws JsonError with the place of the fault. */
Value parse_json(std::string_view text);

/* `text` as a quoted JSON string; bytes that are not UTF-8 become U+FFFD. */
std::string json_string(std::string_view text);

/* Builds an object member by member, in the order of the calls. */
class JsonObject
{
public:
    JsonObject &text(std::string_view key, std::string_view value) { return raw(key, json_string(value)); }
    JsonObject &number(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
    JsonObject &flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
    JsonObject &raw(std::string_view key, std::string_view value);
    std::string str() const { return body_ + "}"; }

private:
    std::string body_ = "{";
};

/* Builds an array of raw values. */
class JsonArray
{
public:
    JsonArray &raw(std::string_view value);
    JsonArray &text(std::string_view value) { return raw(json_string(value)); }
    std::string str() const { return body_ + "]"; }

private:
    std::string body_ = "[";
};

/* The envelope of every ABS service (k2.md section 1): {"error_code":n,"error_text":"…"}. */
std::string envelope(std::int64_t code, std::string_view text);

} // namespace sandbox
