/*
 * What the sandbox bank received: a log entry per request, counters per path, and the journal on disk.
 *
 * Promises: entries are numbered from 1 without gaps in the order of arrival, also over resets; a request
 * is in the journal before anything acts on it. Credentials are never recorded, only which one was used.
 */
#pragma once

#include "message.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>

namespace sandbox
{

struct LogEntry {
    std::uint64_t seq = 0;
    std::string time;
    Request request;
    std::string credential; // name of the credential that matched, "" when none
    std::string fault;      // "" when the request was served as usual
    bool processed = false;
    bool finished = false; // an answer (or its absence) is decided
    int status = 0;        // HTTP status answered, 0 when nothing was answered
};

struct Tally {
    std::uint64_t received = 0;
    std::uint64_t processed = 0;
    std::uint64_t answered = 0;
};

class Record
{
public:
    /* Without detail only the counters are kept. At most `limit` entries stay, the oldest go first. */
    explicit Record(bool detail = true, std::size_t limit = 100000) : detail_(detail), limit_(limit) {}

    std::uint64_t open(const Request &request, std::string_view credential, std::string_view fault);
    void processed(std::uint64_t seq, const std::string &path);
    void finish(std::uint64_t seq, const std::string &path, int status);

    /* Entries after `since` whose path starts with `path` and whose query or body contains `contains`. */
    std::string to_json(std::string_view path, std::uint64_t since, std::string_view contains,
                        std::size_t limit) const;

    Tally count(std::string_view path) const;
    void clear();
    void continue_after(std::uint64_t seq) { last_ = seq; }
    std::uint64_t last() const { return last_; }

private:
    LogEntry *entry(std::uint64_t seq);

    bool detail_;
    std::size_t limit_;
    std::uint64_t last_ = 0;
    std::deque<LogEntry> entries_;
    std::map<std::string, Tally, std::less<>> tallies_;
};

/* A header's value as it may be recorded: secrets become "***", an Authorization scheme stays readable. */
std::string recorded_header(std::string_view name, std::string_view value);

} // namespace sandbox
