/*
 * The journal of the sandbox bank: every received request as one JSON line, on disk before it is acted on.
 *
 * Promises: a line is complete and synced when append() returns; a torn last line is ignored on reading;
 * credentials are not written.
 */
#pragma once

#include "message.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sandbox
{

struct JournalLine {
    std::uint64_t seq = 0;
    bool processed = false; // it was to be given to a service, whatever happened to the reply
    std::string fault;
    std::string credential; // name of the one that matched
    Request request;
};

class Journal
{
public:
    Journal() = default;
    Journal(const Journal &) = delete;
    Journal &operator=(const Journal &) = delete;
    ~Journal();

    /* Gives every line of an earlier run to `replay`, then opens the file for appending. Throws
     * std::system_error. */
    void open(const std::string &file, const std::function<void(const JournalLine &)> &replay);

    /* Does nothing when no journal is open. Throws std::system_error when the disk refuses. */
    void append(const JournalLine &line);

private:
    int file_ = -1;
};

} // namespace sandbox
