// The scanner; see json_text.hpp. Grammar: RFC 8259. One pass without a tree, recursion
// bounded by the depth limit; string literals whose content matters are decoded by
// jansson.
#include "reply/json_text.hpp"

#include "http/runs.hpp"

#include <jansson.h>

#include <algorithm>
#include <memory>

namespace reply
{
namespace
{

constexpr int deepest = 1000;
constexpr std::size_t largest = 268'435'455; // JENTRY_OFFLENMASK: a jsonb container holds no more
constexpr long most_digits_before = 131'072;
constexpr long most_digits_after = 16'383;

struct Unreference {
    void operator()(json_t *value) const noexcept { json_decref(value); }
};

class Scanner
{
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    std::size_t at() const noexcept { return at_; }
    char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool ended() const noexcept { return at_ == text_.size(); }

    void blank() noexcept
    {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
            at_++;
    }

    bool take(char c) noexcept
    {
        if (ended() || text_[at_] != c)
            return false;
        at_++;
        return true;
    }

    void expect(char c)
    {
        if (!take(c))
            fail(std::string("'") + c + "' expected");
    }

    /// One value; returns its slice.
    std::string_view value(int depth)
    {
        const std::size_t begin = at_;
        switch (peek()) {
        case '{':
            object(depth);
            break;
        case '[':
            array(depth);
            break;
        case '"':
            string();
            break;
        case 't':
            word("true");
            break;
        case 'f':
            word("false");
            break;
        case 'n':
            word("null");
            break;
        default:
            number();
        }
        return text_.substr(begin, at_ - begin);
    }

    std::string_view string()
    {
        const std::size_t begin = at_;
        expect('"');
        at_ = http::skip_plain(text_, at_);
        while (!take('"')) {
            if (ended())
                fail("a string is not closed");
            if (!take('\\'))
                fail("a string contains a control character");
            escape();
            at_ = http::skip_plain(text_, at_);
        }
        return text_.substr(begin, at_ - begin);
    }

    [[noreturn]] void fail(const std::string &what) const
    {
        throw BadJson(what + " at byte " + std::to_string(at_));
    }

private:
    void word(std::string_view expected)
    {
        if (text_.substr(at_, expected.size()) != expected)
            fail("a value expected");
        at_ += expected.size();
    }

    void object(int depth)
    {
        enter('{', depth);
        if (take('}'))
            return;
        do {
            blank();
            string();
            blank();
            expect(':');
            blank();
            value(depth + 1);
            blank();
        } while (take(','));
        expect('}');
    }

    void array(int depth)
    {
        enter('[', depth);
        if (take(']'))
            return;
        do {
            blank();
            value(depth + 1);
            blank();
        } while (take(','));
        expect(']');
    }

    void enter(char open, int depth)
    {
        if (depth >= deepest)
            fail("nested deeper than " + std::to_string(deepest) + " levels");
        expect(open);
        blank();
    }

    void escape()
    {
        const char c = peek();
        if (c == 'u') {
            unicode();
            return;
        }
        if (ended() || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos)
            fail("an unknown escape sequence");
        at_++;
    }

    void unicode()
    {
        at_++;
        const unsigned unit = hex4();
        if (unit == 0)
            fail("\\u0000, which cannot be stored,");
        if (unit >= 0xDC00 && unit <= 0xDFFF)
            fail("a lone surrogate");
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            const bool low = take('\\') && take('u');
            const unsigned second = low ? hex4() : 0;
            if (second < 0xDC00 || second > 0xDFFF)
                fail("a lone surrogate");
        }
    }

    unsigned hex4()
    {
        unsigned value = 0;
        for (int i = 0; i < 4; i++, at_++) {
            const char c = peek();
            const char low = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
            if (low >= '0' && low <= '9')
                value = value * 16 + static_cast<unsigned>(low - '0');
            else if (low >= 'a' && low <= 'f')
                value = value * 16 + static_cast<unsigned>(low - 'a') + 10;
            else
                fail("four hexadecimal digits expected");
        }
        return value;
    }

    long digits()
    {
        const std::size_t begin = at_;
        while (peek() >= '0' && peek() <= '9')
            at_++;
        if (at_ == begin)
            fail("a value expected");
        return static_cast<long>(at_ - begin);
    }

    void number()
    {
        const std::size_t begin = at_;
        take('-');
        const long before = take('0') ? 1 : digits();
        const long after = take('.') ? digits() : 0;
        long exponent = 0;
        if (take('e') || take('E')) {
            const bool minus = take('-');
            if (!minus)
                take('+');
            const std::size_t first = at_;
            const long length = digits();
            exponent = length > 9 ? 1'000'000'000 : std::stol(std::string(text_.substr(first, at_ - first)));
            exponent = minus ? -exponent : exponent;
        }
        if (before + exponent > most_digits_before || after - exponent > most_digits_after) {
            at_ = begin;
            fail("a number beyond the range of numeric");
        }
    }

    std::string_view text_;
    std::size_t at_{0};
};

bool next_is_pair(Scanner probe) // by value: looks ahead only
{
    if (probe.peek() != '"')
        return false;
    probe.string();
    probe.blank();
    return probe.peek() == ':';
}

Member member(Scanner &scanner)
{
    Member out;
    out.name = decode_string(scanner.string());
    scanner.blank();
    scanner.expect(':');
    scanner.blank();
    out.value = scanner.value(1);
    return out;
}

void scan_object(Scanner &scanner, Tolerance tolerance, Document &out)
{
    out.kind = Document::Kind::object;
    scanner.expect('{');
    scanner.blank();
    if (scanner.take('}'))
        return;
    for (;;) {
        scanner.blank();
        out.members.push_back(member(scanner));
        const std::size_t end = scanner.at();
        scanner.blank();
        if (scanner.take(','))
            continue;
        if (tolerance != Tolerance::missing_commas || scanner.peek() != '"')
            break;
        out.missing_commas.push_back(end);
    }
    scanner.expect('}');
}

void scan_array(Scanner &scanner, Tolerance tolerance, Document &out)
{
    out.kind = Document::Kind::array;
    scanner.expect('[');
    scanner.blank();
    if (scanner.take(']'))
        return;
    do {
        scanner.blank();
        if (tolerance == Tolerance::pairs_in_array && out.elements.empty() && next_is_pair(scanner))
            out.members.push_back(member(scanner));
        else
            out.elements.push_back(scanner.value(1));
        scanner.blank();
    } while (scanner.take(','));
    scanner.expect(']');
}

} // namespace

std::string_view Document::find(std::string_view name) const
{
    const auto found =
        std::find_if(members.rbegin(), members.rend(), [&](const Member &one) { return one.name == name; });
    return found == members.rend() ? std::string_view() : found->value;
}

Document scan(std::string_view text, Tolerance tolerance)
{
    if (text.size() > largest)
        throw BadJson("larger than jsonb can hold");
    Scanner scanner(text);
    Document out;
    scanner.blank();
    if (scanner.ended())
        throw BadJson("empty");
    if (scanner.peek() == '{')
        scan_object(scanner, tolerance, out);
    else if (scanner.peek() == '[')
        scan_array(scanner, tolerance, out);
    else
        out.elements.push_back(scanner.value(0));
    scanner.blank();
    if (!scanner.ended())
        scanner.fail("more text after the end of the document");
    return out;
}

std::string decode_string(std::string_view literal)
{
    json_error_t error;
    const std::unique_ptr<json_t, Unreference> value(
        json_loadb(literal.data(), literal.size(), JSON_DECODE_ANY, &error));
    if (!value || !json_is_string(value.get()))
        throw BadJson("a string expected");
    return {json_string_value(value.get()), json_string_length(value.get())};
}

} // namespace reply
