/*
 * JSON of the sandbox bank: jansson decides whether a text is JSON and decodes its strings; a scanner
 * that walks the same text beside it keeps what jansson loses, the written form of each number.
 */
#include "json_text.h"

#include "text.h"

#include <algorithm>
#include <cstdio>
#include <jansson.h>
#include <memory>

namespace sandbox
{

namespace
{

struct Release {
    void operator()(json_t *node) const { json_decref(node); }
};

/* Walks a text that jansson has accepted, in step with jansson's tree; so it need not check anything. */
class Scanner
{
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    Value read(const json_t *node)
    {
        skip_blanks();
        Value value;
        const std::size_t start = at_;
        switch (json_typeof(node)) {
        case JSON_OBJECT:
            read_object(const_cast<json_t *>(node), value);
            break;
        case JSON_ARRAY:
            read_array(node, value);
            break;
        case JSON_STRING:
            value.type = Value::Type::string;
            value.text.assign(json_string_value(node), json_string_length(node));
            skip_string();
            break;
        case JSON_INTEGER:
        case JSON_REAL:
            value.type = Value::Type::number;
            skip_word();
            value.text = text_.substr(start, at_ - start);
            break;
        default:
            value.type = json_is_null(node) ? Value::Type::null : Value::Type::boolean;
            value.flag = json_is_true(node);
            skip_word();
        }
        value.raw = text_.substr(start, at_ - start);
        return value;
    }

private:
    void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
    void skip_word() { at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size()); }

    void skip_string()
    {
        for (++at_; text_[at_] != '"'; ++at_)
            if (text_[at_] == '\\')
                ++at_;
        ++at_;
    }

    void skip_mark()
    {
        skip_blanks();
        ++at_;
    }

    void read_object(json_t *node, Value &value)
    {
        value.type = Value::Type::object;
        ++at_;
        const char *key;
        json_t *child;
        json_object_foreach(node, key, child)
        {
            skip_blanks();
            skip_string();
            skip_mark();
            Value member = read(child);
            value.members.push_back({key, std::move(member)});
            skip_mark();
        }
        if (value.members.empty())
            skip_mark();
    }

    void read_array(const json_t *node, Value &value)
    {
        value.type = Value::Type::array;
        ++at_;
        for (std::size_t i = 0; i < json_array_size(node); ++i) {
            value.items.push_back(read(json_array_get(node, i)));
            skip_mark();
        }
        if (value.items.empty())
            skip_mark();
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

const Value *Value::find(std::string_view key) const
{
    for (const auto &[name, value] : members)
        if (name == key)
            return &value;
    return nullptr;
}

Value parse_json(std::string_view text)
{
    json_error_t error;
    const std::unique_ptr<json_t, Release> tree(
        json_loadb(text.data(), text.size(),
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error));
    if (!tree)
        throw JsonError(std::string(error.text) + " (line " + std::to_string(error.line) + ", column " +
                        std::to_string(error.column) + ")");
    return Scanner(text).read(tree.get());
}

std::string json_string(std::string_view text)
{
    std::string out = "\"";
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        const unsigned char first = static_cast<unsigned char>(text.front());
        if (length == 0) {
            out += "\\ufffd";
        } else if (first == '"' || first == '\\') {
            out += '\\';
            out += text.front();
        } else if (first < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", first);
            out += escape;
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    return out + "\"";
}

JsonObject &JsonObject::raw(std::string_view key, std::string_view value)
{
    if (body_.size() > 1)
        body_ += ',';
    body_ += json_string(key);
    body_ += ':';
    body_ += value;
    return *this;
}

JsonArray &JsonArray::raw(std::string_view value)
{
    if (body_.size() > 1)
        body_ += ',';
    body_ += value;
    return *this;
}

std::string envelope(std::int64_t code, std::string_view text)
{
    return JsonObject().text("error_text", text).number("error_code", code).str();
}

} // namespace sandbox
