/*
 * Forms and multipart bodies of a call. Contracts stand in input.h.
 */
#include "input.h"

#include "../text.h"

#include <algorithm>

namespace sandbox::autoclient
{

namespace
{

int hex_digit(char c)
{
    const std::size_t value = std::string_view("0123456789abcdef").find(to_lower(std::string_view(&c, 1)));
    return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

/* Percent decoding of a form; nothing when an escape is broken. */
std::optional<std::string> form_text(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

/* The parameter `name` of a header value; nothing when it is missing. */
std::optional<std::string> header_parameter(std::string_view header, const std::string &name)
{
    const std::size_t at = header.find("; " + name + "=\"");
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::size_t from = at + name.size() + 4;
    const std::size_t to = header.find('"', from);
    return to == std::string_view::npos ? std::nullopt
                                        : std::optional(std::string(header.substr(from, to - from)));
}

} // namespace

Parts::Parts(const Caller &caller, Complaint complaint, Names required, Names optional)
    : complaint_(complaint), charset_(caller.charset)
{
    if (caller.boundary.empty())
        read_form(caller.body);
    else
        read_multipart(caller.body, caller.boundary);
    const auto listed = [](std::string_view name, Names names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const auto &[name, part] : parts_)
        if (!listed(name, required) && !listed(name, optional))
            refuse(name, "is unknown");
    for (std::string_view name : required)
        if (!has(name))
            refuse(name, "is absent");
}

void Parts::refuse(std::string_view name, const std::string &why) const
{
    complaint_(std::string(name), why);
    throw Refused(500, "a complaint returned");
}

void Parts::add(std::string name, Part part)
{
    if (!parts_.emplace(name, std::move(part)).second)
        refuse(name, "is repeated");
}

std::string Parts::in_charset(std::string_view name, const std::string &text) const
{
    const std::optional<std::string> out = decoded(charset_, text);
    if (!out)
        refuse(name, "is not in the charset of the request");
    return *out;
}

void Parts::read_form(const std::string &body)
{
    std::string_view rest = body;
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t sign = pair.find('=');
        const std::optional<std::string> name = form_text(pair.substr(0, sign));
        const std::optional<std::string> value =
            form_text(sign == std::string_view::npos ? "" : pair.substr(sign + 1));
        if (!name || !value)
            refuse("body", "is no form");
        Part part;
        part.text = in_charset(*name, *value);
        add(*name, std::move(part));
    }
}

void Parts::read_multipart(std::string_view body, const std::string &boundary)
{
    const std::string mark = "--" + boundary;
    if (!body.starts_with(mark))
        refuse("body", "does not begin with its boundary");
    body.remove_prefix(mark.size());
    while (body.starts_with("\r\n")) {
        const std::size_t head_end = body.find("\r\n\r\n");
        const std::size_t end = body.find("\r\n" + mark, head_end);
        if (head_end == std::string_view::npos || end == std::string_view::npos || head_end + 4 > end)
            refuse("body", "ends within a part");
        Part part;
        std::optional<std::string> name;
        std::string_view head = body.substr(2, head_end - 2);
        while (!head.empty()) {
            const std::string_view line = head.substr(0, head.find("\r\n"));
            head.remove_prefix(std::min(head.size(), line.size() + 2));
            const std::string key = to_lower(line.substr(0, line.find(':')));
            if (key == "content-type")
                part.type = line.substr(std::min(line.size(), line.find_first_not_of(": ", key.size())));
            if (key != "content-disposition")
                continue;
            name = header_parameter(line, "name");
            const std::optional<std::string> file_name = header_parameter(line, "filename");
            part.file = file_name.has_value();
            part.file_name = in_charset("filename", file_name.value_or(""));
        }
        if (!name)
            refuse("body", "has a part without a name");
        const std::string bytes(body.substr(head_end + 4, end - head_end - 4));
        part.text = part.file ? bytes : in_charset(*name, bytes);
        add(*name, std::move(part));
        body.remove_prefix(end + 2 + mark.size());
    }
    if (!body.starts_with("--"))
        refuse("body", "does not end with its boundary");
}

std::string Parts::text(std::string_view name) const
{
    const auto found = parts_.find(name);
    if (found != parts_.end() && found->second.file)
        refuse(name, "must not be a file");
    return found == parts_.end() ? "" : found->second.text;
}

const Part &Parts::file(std::string_view name) const
{
    const auto found = parts_.find(name);
    if (found == parts_.end() || !found->second.file || found->second.text.empty() ||
        found->second.file_name.empty())
        refuse(name, "must be a file");
    return found->second;
}

std::string Parts::base64(std::string_view name) const
{
    const std::optional<std::string> bytes = from_base64(text(name));
    if (!bytes || bytes->empty())
        refuse(name, "must be base64");
    return *bytes;
}

} // namespace sandbox::autoclient
