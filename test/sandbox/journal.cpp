/*
 * The journal of the sandbox bank. Contracts stand in journal.h.
 */
#include "journal.h"

#include "record.h"
#include "text.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <system_error>
#include <unistd.h>

namespace sandbox
{

namespace
{

[[noreturn]] void fail(const char *what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

std::string pairs_json(const Pairs &pairs)
{
    JsonArray out;
    for (const auto &[name, value] : pairs)
        out.raw(JsonArray().text(name).text(value).str());
    return out.str();
}

Pairs recorded_headers(Pairs headers)
{
    for (auto &[name, value] : headers)
        value = recorded_header(name, value);
    return headers;
}

std::string line_json(const JournalLine &line)
{
    const Request &request = line.request;
    JsonObject out;
    out.number("seq", static_cast<std::int64_t>(line.seq)).text("time", utc_now());
    out.text("method", request.method).text("path", request.path).text("query", request.query_text);
    out.raw("parameters", pairs_json(request.query))
        .raw("headers", pairs_json(recorded_headers(request.headers)));
    if (is_utf8(request.body))
        out.text("body", request.body);
    else
        out.text("body_base64", to_base64(request.body));
    out.number("connection", static_cast<std::int64_t>(request.connection)).number("nth", request.nth);
    out.text("credential", line.credential).text("fault", line.fault).flag("processed", line.processed);
    return out.str() + "\n";
}

Pairs pairs_of(const Value &list)
{
    Pairs out;
    for (const Value &pair : list.items)
        out.emplace_back(pair.items.at(0).text, pair.items.at(1).text);
    return out;
}

JournalLine line_of(const Value &object)
{
    const auto text = [&](std::string_view name) {
        const Value *value = object.find(name);
        return value ? value->text : std::string();
    };
    JournalLine line;
    line.seq = std::stoull(text("seq"));
    line.fault = text("fault");
    line.credential = text("credential");
    line.request.remembered = line.credential;
    line.processed = object.find("processed") && object.find("processed")->flag;
    line.request.method = text("method");
    line.request.path = text("path");
    line.request.query_text = text("query");
    line.request.body = object.find("body") ? text("body") : from_base64(text("body_base64")).value_or("");
    line.request.connection = std::stoull(text("connection"));
    line.request.nth = static_cast<unsigned>(std::stoul(text("nth")));
    if (const Value *parameters = object.find("parameters"))
        line.request.query = pairs_of(*parameters);
    if (const Value *headers = object.find("headers"))
        line.request.headers = pairs_of(*headers);
    return line;
}

} // namespace

Journal::~Journal()
{
    if (file_ >= 0)
        close(file_);
}

void Journal::open(const std::string &file, const std::function<void(const JournalLine &)> &replay)
{
    std::ifstream earlier(file);
    std::uintmax_t whole = 0;
    for (std::string text; std::getline(earlier, text) && !earlier.eof(); whole += text.size() + 1)
        replay(line_of(parse_json(text)));
    earlier.close();
    file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file_ < 0)
        fail("cannot open the journal");
    if (ftruncate(file_, static_cast<off_t>(whole)) != 0)
        fail("cannot cut the torn line off the journal");
}

void Journal::append(const JournalLine &line)
{
    if (file_ < 0)
        return;
    const std::string text = line_json(line);
    std::string_view rest = text;
    while (!rest.empty()) {
        const ssize_t written = write(file_, rest.data(), rest.size());
        if (written < 0 && errno != EINTR)
            fail("cannot write the journal");
        rest.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    if (fdatasync(file_) != 0)
        fail("cannot sync the journal");
}

} // namespace sandbox
