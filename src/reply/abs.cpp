// The ABS families: the envelope error_code / error_text (wire/k2.md section
// 1), the list O10, the debts O8 and O9, the scan O4; see read.hpp for what
// each accepts.
#include "http/charset.hpp"
#include "reply/family.hpp"

namespace reply
{
namespace
{

/// What a reply says about itself.
struct Envelope {
    enum class Says { nothing, yes, no, nonsense };
    Says says{Says::nothing};
    std::string code;
    std::string text;
};

bool is_number(std::string_view value)
{
    return !value.empty() && (value[0] == '-' || (value[0] >= '0' && value[0] <= '9'));
}
bool is_string(std::string_view value)
{
    return !value.empty() && value[0] == '"';
}

/// Whether a JSON number is zero, judged by its digits.
bool is_zero(std::string_view number)
{
    const std::string_view mantissa = number.substr(0, number.find_first_of("eE"));
    return mantissa.find_first_of("123456789") == std::string_view::npos;
}

/// The number a value holds, also inside a string (D7, D29); empty when it holds none.
std::string numeric_text(std::string_view value)
{
    std::string text = is_string(value) ? decode_string(value) : std::string(value);
    try {
        const bool one = is_number(text) && scan(text).kind == Document::Kind::scalar;
        return one && text.find_first_of(" \t\r\n") == std::string::npos ? text : std::string();
    } catch (const BadJson &) {
        return {};
    }
}

Envelope envelope(const Document &document)
{
    Envelope out;
    const std::string_view code = document.find("error_code");
    const std::string_view text = document.find("error_text");
    if (is_string(text))
        out.text = decode_string(text);
    else if (is_number(text))
        out.text = text;
    if (code.empty())
        return out;
    out.code = is_string(code) ? decode_string(code) : std::string(code);
    const std::string number = numeric_text(code);
    const bool zeros = !out.code.empty() && out.code.find_first_not_of('0') == std::string::npos; // also "00"
    if (zeros || !number.empty())
        out.says = zeros || is_zero(number) ? Envelope::Says::yes : Envelope::Says::no;
    else
        out.says = is_string(code) && !out.code.empty() ? Envelope::Says::no : Envelope::Says::nonsense;
    return out;
}

Reply refusal(const Envelope &said, std::string json)
{
    Reply reply;
    reply.verdict = Verdict::refused;
    reply.code = said.code;
    reply.text = said.text.empty() ? "refused with code " + said.code + " and no text" : said.text;
    reply.json = std::move(json);
    return reply;
}

/// A "no" counts under every status but those that say the request was not worked on (408, 425).
bool may_refuse(const Input &input)
{
    return input.meaning != StatusClass::transient || input.status >= 500;
}

std::string repaired(const Text &reply)
{
    std::string out;
    std::size_t from = 0;
    for (const std::size_t comma : reply.document.missing_commas) {
        out.append(reply.text, from, comma - from) += ',';
        from = comma;
    }
    return out.append(reply.text, from);
}

using Finish = Reply (*)(const Input &, const Text &);

/// The frame of all envelope families: text, JSON, refusal, status; `finish` reads the good reply,
/// `otherwise` is said of a body that holds no envelope at all.
Reply read_envelope(const Input &input, Tolerance tolerance, bool code_needed, Finish finish,
                    const std::string &otherwise = "the reply is not JSON")
{
    try {
        const Text reply(input, tolerance);
        const Envelope said = envelope(reply.document);
        // An array with pairs in it is no JSON: its refusal has nothing that jsonb could hold.
        const bool json = reply.document.kind != Document::Kind::array || reply.document.members.empty();
        if (said.says == Envelope::Says::no && may_refuse(input))
            return refusal(said, json ? repaired(reply) : std::string());
        if (input.meaning != StatusClass::success)
            return without_answer(input, "");
        if (said.says == Envelope::Says::nonsense)
            return without_answer(input, "the reply's error_code is neither a number nor a text");
        if (said.says == Envelope::Says::nothing && code_needed)
            return without_answer(input, "the reply has no error_code");
        return finish(input, reply);
    } catch (const http::BadText &error) {
        return without_answer(input, otherwise + ": " + error.what());
    } catch (const BadJson &error) {
        return without_answer(input, otherwise + ": " + error.what());
    }
}

Reply accept(std::string json)
{
    Reply reply;
    reply.verdict = Verdict::ok;
    reply.json = std::move(json);
    return reply;
}

Reply finish_debt(const Input &input, const Text &reply)
{
    if (numeric_text(reply.document.find("debt")).empty())
        return without_answer(input, "the reply has no debt, or one that is not a number");
    return accept(repaired(reply));
}

bool empty_object(std::string_view value)
{
    return value.size() >= 2 && value.front() == '{' &&
           value.find_first_not_of(" \t\r\n", 1) == value.size() - 1;
}

/// The rows of a list reply and its count, whichever shape it has (D30).
struct Rows {
    std::vector<std::string_view> items;
    std::string_view count; ///< empty = none given
    bool found{false};
};

Rows rows_of(const Document &document)
{
    Rows rows;
    rows.count = document.find("all_count");
    if (document.kind == Document::Kind::array) {
        rows.found = true;
        rows.items = document.elements;
        if (rows.count.empty() && !rows.items.empty() && rows.items.front().starts_with('{')) {
            const Document first = scan(rows.items.front());
            if (first.members.size() == 1 && first.members.front().name == "all_count") {
                rows.count = first.members.front().value;
                rows.items.erase(rows.items.begin());
            }
        }
    } else if (const std::string_view items = document.find("items"); items.starts_with('[')) {
        rows.found = true;
        rows.items = scan(items).elements;
    }
    return rows;
}

Reply finish_list(const Input &input, const Text &reply)
{
    const Rows rows = rows_of(reply.document);
    if (!rows.found)
        return without_answer(input, "the reply has no list of items");
    std::string count = "null";
    if (!rows.count.empty() && rows.count != "null")
        count = numeric_text(rows.count);
    if (count.empty())
        return without_answer(input, "the reply's all_count is not a number");
    std::string json = R"({"all_count":)" + count + R"(,"items":[)";
    bool first = true;
    for (std::size_t i = 0; i < rows.items.size(); i++) {
        const std::string_view item = rows.items[i];
        if (!item.starts_with('{'))
            return without_answer(input, "item " + std::to_string(i + 1) + " of the reply is not an object");
        if (empty_object(item))
            continue; // D6: a placeholder for "more of the same"
        json.append(first ? "" : ",").append(item);
        first = false;
    }
    return accept(json + "]}");
}

constexpr const char *no_file = "the reply is neither PDF nor TIFF";

/// The media type by magic bytes (D23); empty for anything else.
std::string_view media_type(std::string_view body)
{
    using namespace std::string_view_literals;
    if (body.starts_with("%PDF"sv))
        return "application/pdf";
    return body.starts_with("II*\0"sv) || body.starts_with("MM\0*"sv) ? "image/tiff" : "";
}

} // namespace

Reply read_abs(const Input &input)
{
    return read_envelope(input, Tolerance::none, true,
                         [](const Input &, const Text &reply) { return accept(reply.text); });
}

Reply read_abs_list(const Input &input)
{
    return read_envelope(input, Tolerance::pairs_in_array, false, &finish_list);
}

Reply read_abs_debt(const Input &input)
{
    return read_envelope(input, Tolerance::missing_commas, true, &finish_debt);
}

Reply read_abs_file(const Input &input)
{
    Reply reply;
    reply.verdict = Verdict::ok;
    if (input.status == 404) { // wire/k2.md O4: the documented "no scan"
        reply.absent = true;
        reply.text = "no scan";
        return reply;
    }
    reply.mime = input.status == 200 ? media_type(input.body) : "";
    if (!reply.mime.empty())
        return reply;
    const Finish finish = [](const Input &in, const Text &) { return without_answer(in, no_file); };
    return read_envelope(input, Tolerance::none, false, finish, no_file);
}

} // namespace reply
