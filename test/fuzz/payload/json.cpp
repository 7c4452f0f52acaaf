// Reading the sample payloads and writing what became of them (json.hpp).
#include "json.hpp"

#include <cstdio>
#include <stdexcept>

namespace fuzz
{

namespace
{

class Reader
{
public:
    explicit Reader(std::string_view text) : text_(text) {}

    Json document()
    {
        Json json = value();
        space();
        if (at_ != text_.size())
            fail();
        return json;
    }

private:
    [[noreturn]] void fail() const
    {
        throw std::runtime_error("not JSON at character " + std::to_string(at_));
    }
    void space()
    {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
            ++at_;
    }
    bool next_is(char wanted)
    {
        space();
        if (at_ == text_.size() || text_[at_] != wanted)
            return false;
        ++at_;
        return true;
    }
    void expect(char wanted)
    {
        if (!next_is(wanted))
            fail();
    }
    std::string quoted()
    {
        space();
        const std::size_t from = at_;
        expect('"');
        while (at_ < text_.size() && text_[at_] != '"')
            at_ += text_[at_] == '\\' ? 2 : 1;
        expect('"');
        return std::string(text_.substr(from, at_ - from));
    }
    Json value()
    {
        space();
        if (next_is('['))
            return array();
        if (next_is('{'))
            return object();
        if (at_ < text_.size() && text_[at_] == '"')
            return Json::literal(quoted());
        const std::size_t end = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
        if (end == at_)
            fail();
        Json json = Json::literal(std::string(text_.substr(at_, end - at_)));
        at_ = end;
        return json;
    }
    Json array()
    {
        std::vector<Json> items;
        if (next_is(']'))
            return Json::array({});
        do
            items.push_back(value());
        while (next_is(','));
        expect(']');
        return Json::array(std::move(items));
    }
    Json object()
    {
        std::vector<Member> members;
        if (next_is('}'))
            return Json::object({});
        do {
            std::string key = quoted();
            expect(':');
            members.push_back({std::move(key), value()});
        } while (next_is(','));
        expect('}');
        return Json::object(std::move(members));
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

void append(std::string &out, const Json &json)
{
    switch (json.kind) {
    case Json::Kind::literal:
        out += json.text;
        return;
    case Json::Kind::array:
        out += '[';
        for (std::size_t i = 0; i < json.items.size(); ++i) {
            out += i == 0 ? "" : ",";
            append(out, json.items[i]);
        }
        out += ']';
        return;
    case Json::Kind::object:
        out += '{';
        for (std::size_t i = 0; i < json.members.size(); ++i) {
            out += i == 0 ? "" : ",";
            out += json.members[i].key;
            out += ':';
            append(out, json.members[i].value);
        }
        out += '}';
        return;
    }
}

} // namespace

Json Json::literal(std::string text)
{
    Json json;
    json.text = std::move(text);
    return json;
}

Json Json::string(std::string_view utf8)
{
    return literal(quote(utf8));
}

Json Json::array(std::vector<Json> items)
{
    Json json;
    json.kind = Kind::array;
    json.items = std::move(items);
    return json;
}

Json Json::object(std::vector<Member> members)
{
    Json json;
    json.kind = Kind::object;
    json.members = std::move(members);
    return json;
}

std::string quote(std::string_view utf8)
{
    std::string out = "\"";
    for (const char c : utf8) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x",
                          static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += escape;
        } else {
            out += c;
        }
    }
    return out + '"';
}

Json parse(std::string_view text)
{
    return Reader(text).document();
}

std::string write(const Json &json)
{
    std::string out;
    append(out, json);
    return out;
}

} // namespace fuzz
