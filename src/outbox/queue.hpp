// The queue's SQL: scanning lanes, claiming, settling. Every function runs inside a transaction frame, as the
// owner of the tables, and throws pg::ErrorInFlight when PostgreSQL raises.
//
// A lane is one endpoint with one server ('' while the row names none). Its claimable rows are an index range
// ordered by (due_at, id), so that the work of a scan is that of the rows it returns, whatever waits
// elsewhere.
//
// Include before pg/*.hpp.
#pragma once

#include "outbox/job.hpp"

#include <compare>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

namespace outbox
{
using Catalog = std::map<std::string, std::shared_ptr<const Endpoint>>;
}

namespace outbox::queue
{

// Until the end of the (sub)transaction, plans walk indexes row by row: the queue's statements touch a few
// rows of a table whose statistics are never right. With `false` the planner is its own again, for the SQL of
// others.
void plan_by_index(bool on);

struct Place {
    TimestampTz due_at{DT_NOBEGIN};
    int64 id{0};

    auto operator<=>(const Place &) const = default;
};

struct LaneScan {
    std::string endpoint, server;
    Place after; // rows behind this place only
    int limit{0};
};

struct Candidate {
    int lane; // index into the scan
    int64 id;
    std::optional<std::string> subject;
    TimestampTz due_at;
};

std::vector<Candidate> scan(const std::vector<LaneScan> &lanes, TimestampTz now);

// The first unfinished row of each subject; answered rows do not count.
struct Head {
    int64 id;
    bool parked; // behind a later row that was committed earlier
};
std::map<std::string, Head> heads(const std::vector<std::string> &subjects);

// Returns how many are parked; rows that somebody else has locked are left out.
uint64 park(const std::vector<int64> &ids);

// Makes rows claimable that turned out to be the heads of their subjects. Rows locked by somebody else stay
// parked.
void wake(const std::vector<int64> &ids);

// Makes the first row of every subject claimable again, as after a crash. Returns how many were parked
// wrongly.
uint64 repair_parking();

// How a claim is remembered on disk.
enum class Claim {
    in_memory, // at_least_once: nothing is written, a crash makes it due again
    counted,   // at_least_once after a start: the risk is written first
    sending    // at_most_once: state sending is written before the first byte leaves
};
// The rows that are still there, queued and not wished away; rows that somebody else has locked are left out.
std::vector<Job> claim(const std::vector<int64> &ids, Claim how, const Catalog &catalog);

// All due rows of the same endpoint, server and subject as `job`, in the snapshot of the transaction.
std::vector<int64> riders(const Job &job, TimestampTz now);

// Ids of those rows that nobody else holds locked; locks them.
std::unordered_set<int64> lock(const std::vector<int64> &ids);

// Moves finished rows (and their riders) to k2bridge.call; keeps and re-dates the others.
void finish(const std::vector<const Result *> &finished);
void keep(const std::vector<const Result *> &kept);

// Un-parks the next row of each subject; `from`: no earlier id can be waiting. Returns subject and id
// un-parked.
std::vector<std::pair<std::string, int64>>
unpark(const std::vector<std::pair<std::string, int64>> &subjects_from);

// Rows that were under way when the last dispatcher ended: at_most_once ones become uncertain.
uint64 settle_interrupted();

// What people asked for.
struct Wish {
    Job job;
    std::string state, what; // cancel, retry, ok, refused, failed
    std::string by, note;
    std::optional<std::string> reply;
    Result stored; // what an answered row holds
};
// Whether wishes() or due_answered() would find anything.
bool asked(TimestampTz now);
std::vector<Wish> wishes(int limit, const Catalog &catalog);

// Answered rows whose handler may be tried again by itself, and uncertain rows to be verified now.
std::vector<Wish> due_answered(TimestampTz now, int limit, const Catalog &catalog);
std::vector<Wish> due_uncertain(TimestampTz now, int limit, const Catalog &catalog);
// The bank was asked (at once, after 5 and after 15 minutes), or cannot be asked.
void note_verification(int64 id, bool possible);

// For moving the floor: every transaction that had an xid when `next` was read has ended once a later `xmin`
// has reached it.
struct Horizon {
    uint64 xmin, next;
};
Horizon horizon();

} // namespace outbox::queue
