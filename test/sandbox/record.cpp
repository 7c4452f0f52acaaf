/*
 * The log and the counters of the sandbox bank. Contracts stand in record.h.
 */
#include "record.h"

#include "text.h"

#include <set>

namespace sandbox
{

namespace
{

const std::set<std::string_view> secret_headers = {"authorization", "proxy-authorization", "cookie", "token",
                                                   "x-api-key"};

std::string headers_json(const Pairs &headers)
{
    std::map<std::string, std::string> joined;
    for (const auto &[name, value] : headers) {
        std::string &slot = joined[name];
        slot += slot.empty() ? value : ", " + value;
    }
    JsonObject out;
    for (const auto &[name, value] : joined)
        out.text(name, recorded_header(name, value));
    return out.str();
}

std::string entry_json(const LogEntry &entry)
{
    const Request &request = entry.request;
    JsonObject out;
    out.number("seq", static_cast<std::int64_t>(entry.seq)).text("time", entry.time);
    out.text("method", request.method).text("path", request.path).text("query", request.query_text);
    out.raw("headers", headers_json(request.headers));
    if (is_utf8(request.body))
        out.text("body", request.body);
    else
        out.text("body_base64", to_base64(request.body));
    out.number("connection", static_cast<std::int64_t>(request.connection)).number("nth", request.nth);
    out.text("credential", entry.credential).text("fault", entry.fault);
    out.flag("processed", entry.processed).flag("finished", entry.finished).number("status", entry.status);
    return out.str();
}

bool contains_text(const Request &request, std::string_view text)
{
    return request.query_text.find(text) != std::string::npos || request.body.find(text) != std::string::npos;
}

} // namespace

std::uint64_t Record::open(const Request &request, std::string_view credential, std::string_view fault)
{
    ++last_;
    ++tallies_[request.path].received;
    if (!detail_)
        return last_;
    LogEntry entry;
    entry.seq = last_;
    entry.time = utc_now();
    entry.request = request;
    entry.credential = credential;
    entry.fault = fault;
    entries_.push_back(std::move(entry));
    if (entries_.size() > limit_)
        entries_.pop_front();
    return last_;
}

LogEntry *Record::entry(std::uint64_t seq)
{
    if (entries_.empty() || seq < entries_.front().seq || seq > entries_.back().seq)
        return nullptr;
    return &entries_[seq - entries_.front().seq];
}

void Record::processed(std::uint64_t seq, const std::string &path)
{
    ++tallies_[path].processed;
    if (LogEntry *found = entry(seq))
        found->processed = true;
}

void Record::finish(std::uint64_t seq, const std::string &path, int status)
{
    tallies_[path].answered += status != 0;
    if (LogEntry *found = entry(seq)) {
        found->finished = true;
        found->status = status;
    }
}

std::string Record::to_json(std::string_view path, std::uint64_t since, std::string_view contains,
                            std::size_t limit) const
{
    JsonArray out;
    for (const LogEntry &entry : entries_) {
        if (entry.seq <= since || !entry.request.path.starts_with(path) ||
            !contains_text(entry.request, contains))
            continue;
        if (limit-- == 0)
            break;
        out.raw(entry_json(entry));
    }
    return JsonObject().number("last", static_cast<std::int64_t>(last_)).raw("entries", out.str()).str();
}

Tally Record::count(std::string_view path) const
{
    Tally sum;
    for (auto it = tallies_.lower_bound(path); it != tallies_.end() && it->first.starts_with(path); ++it) {
        sum.received += it->second.received;
        sum.processed += it->second.processed;
        sum.answered += it->second.answered;
    }
    return sum;
}

void Record::clear()
{
    entries_.clear();
    tallies_.clear();
}

std::string recorded_header(std::string_view name, std::string_view value)
{
    if (!secret_headers.contains(name))
        return std::string(value);
    const std::size_t blank = value.find(' ');
    return std::string(value.substr(0, blank == std::string_view::npos ? 0 : blank + 1)) + "***";
}

} // namespace sandbox
