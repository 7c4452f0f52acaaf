// The table of families and what is common to all replies; see read.hpp.
// Statuses that no body can overrule (401, 403, 407, 429) are settled here, the
// rest is the family's.
#include "reply/read.hpp"

#include "http/charset.hpp"
#include "reply/family.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace reply
{
namespace
{

struct Family {
    std::string_view name;
    Reader read;
    bool refuses_by_403{false}; ///< 403 may also be a service's refusal of this one object
};

constexpr std::array<Family, 9> table{{
    {"abs", &read_abs},
    {"abs_list", &read_abs_list},
    {"abs_debt", &read_abs_debt},
    {"abs_file", &read_abs_file},
    {"autoclient", &read_autoclient, true},
    {"autoclient_statement", &read_autoclient_statement, true},
    {"autoclient_file", &read_autoclient_file, true},
    {"json", &read_json},
    {"none", &read_none},
}};

const Family *find(std::string_view name)
{
    const auto *const found =
        std::find_if(table.begin(), table.end(), [&](const Family &one) { return one.name == name; });
    return found == table.end() ? nullptr : found;
}

/// The received text when it is JSON that jsonb accepts, else empty.
std::string json_or_nothing(const Input &input)
{
    try {
        return Text(input, Tolerance::none).text;
    } catch (const std::runtime_error &) {
        return {};
    }
}

std::string status_text(const Input &input)
{
    const std::string words = excerpt(input.body);
    return "HTTP " + std::to_string(input.status) + (words.empty() ? "" : ": " + words);
}

} // namespace

Text::Text(const Input &input, Tolerance tolerance)
    : text(http::to_utf8(input.body, input.content_type)), document(scan(text, tolerance))
{
}

Reply without_answer(const Input &input, const std::string &why)
{
    Reply reply;
    reply.json = json_or_nothing(input);
    if (input.meaning == StatusClass::success) {
        const std::string words = excerpt(input.body);
        reply.text = why + (words.empty() ? "" : "; it begins with: " + words);
        return reply;
    }
    reply.verdict = input.meaning == StatusClass::rejected ? Verdict::rejected : Verdict::unclear;
    reply.code = std::to_string(input.status);
    reply.text = status_text(input);
    return reply;
}

std::string excerpt(std::string_view body)
{
    constexpr std::size_t looked_at = 2000;
    const std::string head = http::printable(body.substr(0, looked_at), looked_at);
    std::string out;
    bool tag = false;
    for (const char c : head) {
        if (c == '<')
            tag = true;
        const bool space = tag || c == ' ';
        if (!space)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
        if (c == '>')
            tag = false;
    }
    while (!out.empty() && out.back() == ' ')
        out.pop_back();
    return http::printable(out);
}

std::string_view name(Verdict verdict)
{
    static constexpr std::array<std::string_view, 6> names{"ok",    "refused", "unclear",
                                                           "retry", "stop",    "rejected"};
    return names[static_cast<std::size_t>(verdict)];
}

Reply read(std::string_view family, int status, std::string_view content_type, std::string_view body)
{
    const Family *known = find(family);
    if (known == nullptr)
        throw std::invalid_argument("unknown reply family \"" + std::string(family) + "\"");
    const Input input{status, classify(status), content_type, body};
    if (input.meaning != StatusClass::credentials && input.meaning != StatusClass::not_taken)
        return known->read(input);
    if (status == 403 && known->refuses_by_403)
        if (Reply refusal = known->read(input); refusal.verdict == Verdict::refused)
            return refusal;
    Reply reply;
    reply.verdict = input.meaning == StatusClass::credentials ? Verdict::stop : Verdict::retry;
    reply.code = std::to_string(status);
    reply.text = status_text(input);
    reply.json = json_or_nothing(input);
    return reply;
}

std::vector<std::string_view> families()
{
    std::vector<std::string_view> names;
    for (const Family &one : table)
        names.push_back(one.name);
    return names;
}

bool is_family(std::string_view name)
{
    return find(name) != nullptr;
}

} // namespace reply
