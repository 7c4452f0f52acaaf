// Walking through valid JSON text (json_walk.hpp). The nesting is counted, not recursed into.
#include "reply/json_walk.hpp"

#include "http/runs.hpp"

#include <algorithm>
#include <cstring>

namespace reply
{

void Walk::blank()
{
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
        at_++;
}

bool Walk::enter(char open)
{
    blank();
    if (peek() != open)
        return false;
    at_++;
    return true;
}

bool Walk::more(char close)
{
    blank();
    if (peek() == ',') {
        at_++;
        blank();
    }
    if (at_ >= text_.size())
        return false;
    if (text_[at_] != close)
        return true;
    at_++;
    return false;
}

std::string_view Walk::name()
{
    const std::string_view literal = value();
    blank();
    if (peek() == ':')
        at_++;
    return literal;
}

std::string_view Walk::value()
{
    blank();
    const std::size_t begin = at_;
    switch (peek()) {
    case '"':
        skip_string();
        break;
    case '{':
    case '[':
        skip_nest();
        break;
    default:
        skip_word();
    }
    return text_.substr(begin, at_ - begin);
}

void Walk::skip_string()
{
    at_ = http::skip_plain(text_, at_ + 1);
    while (at_ < text_.size() && text_[at_] != '"')
        at_ = http::skip_plain(text_, std::min(at_ + (text_[at_] == '\\' ? 2 : 1), text_.size()));
    at_ = std::min(at_ + 1, text_.size());
}

void Walk::skip_nest()
{
    std::size_t depth = 0;
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == '"') {
            skip_string();
            continue;
        }
        at_++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return;
    }
}

// A number, true, false or null; at least one character, so that a walk through other text comes on too.
void Walk::skip_word()
{
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::strchr(",:]}\" \n\r\t", text_[at_]) == nullptr)
        at_++;
    if (at_ == begin && at_ < text_.size())
        at_++;
}

std::string_view inside(std::string_view literal)
{
    return literal.size() >= 2 && literal.front() == '"' ? literal.substr(1, literal.size() - 2)
                                                         : std::string_view();
}

bool has_escapes(std::string_view literal)
{
    return literal.find('\\') != std::string_view::npos;
}

bool has_unicode_escapes(std::string_view content)
{
    for (std::size_t at = content.find('\\'); at < content.size(); at = content.find('\\', at + 2))
        if (at + 1 < content.size() && content[at + 1] == 'u')
            return true;
    return false;
}

std::size_t decode_simple(std::string_view content, char *out)
{
    static constexpr std::string_view letters = "bfnrt", meanings = "\b\f\n\r\t";
    std::size_t length = 0;
    for (std::size_t at = 0; at < content.size(); at++) {
        char c = content[at];
        if (c == '\\' && at + 1 < content.size()) {
            c = content[++at];
            if (const auto letter = letters.find(c); letter != std::string_view::npos)
                c = meanings[letter];
        }
        out[length++] = c;
    }
    return length;
}

} // namespace reply
