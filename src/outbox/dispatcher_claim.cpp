// From the table to memory: scanning lanes, choosing the first call of each subject, claiming, building
// requests (see dispatcher.hpp).
#include "outbox/dispatcher.hpp"

#include "outbox/request.hpp"

#include "outbox/errors.hpp"
#include "pg/guard.hpp"
#include "pg/sql.hpp"

#include <climits>
#include <utility>

namespace outbox
{

namespace
{

using namespace std::chrono_literals;

constexpr auto catalog_age = 50ms; // read again at most so often
constexpr auto rescan_pause =
    1000ms;                        // a lane with a backlog is read from its floor so often, for late commits
constexpr auto forget_pause = 60s; // everything is read from the beginning so often, for a clock set back
constexpr int read_ahead = 50;     // reads claimed above what may be started now
constexpr int first_crowd = 100; // more is read where waiting rows of a few subjects stand before the others
constexpr int most_crowd = 3000;
constexpr int cautious_limit = 3;                      // crashes that one call may survive
constexpr TimestampTz hold_pause = 60 * USECS_PER_SEC; // a builder that said "not now"

Result kept_back(Job job, const pg::CaughtError &error)
{
    Result result;
    result.job = std::move(job);
    result.handle = false;
    result.text = error.message + (error.detail.empty() ? "" : ": " + error.detail) +
                  (error.hint.empty() ? "" : " (" + error.hint + ")");
    result.state = error.sqlstate == errcode_hold || error.sqlstate == errcode_not_activated ||
                           error.sqlstate == ERRCODE_LOCK_NOT_AVAILABLE
                       ? "queued"
                       : "failed";
    result.due_at = GetCurrentTimestamp() + (result.state == "queued" ? hold_pause : 0);
    return result;
}

Result without_sending(Job job, Outcome outcome, std::string text)
{
    Result result;
    result.job = std::move(job);
    result.outcome = outcome;
    result.text = std::move(text);
    return result;
}

} // namespace

int Dispatcher::Gate::ready_from(int priority) const
{
    int count = 0;
    for (auto level = ready.lower_bound(priority); level != ready.end(); ++level)
        count += level->second;
    return count;
}

void Dispatcher::Gate::not_ready(int priority)
{
    const auto level = ready.find(priority);
    if (--level->second == 0)
        ready.erase(level);
}

int Dispatcher::room(const Lane &lane, Clock::time_point now)
{
    if (cautious)
        return known.empty() ? 1 : 0;
    Gate &gate = gates[lane.server];
    const int open = circuit_of(lane.server, lane.origin).room(now);
    const double rate = gate.server->rate_limit;
    // Calls that were claimed ahead take nothing from those of a higher priority, which start before them.
    const int slots = gate.throttle.room(now, gate.server->max_connections, rate) -
                      gate.ready_from(lane.endpoint->priority);
    const bool ahead = !lane.endpoint->at_most_once && rate <= 0 && open == INT_MAX;
    if (ahead && gate.ready_from(lane.endpoint->priority) > read_ahead / 2)
        return 0; // a larger claim later costs less than many small ones
    return std::max(0, std::min(open, slots + (ahead ? read_ahead : 0)));
}

std::vector<Lane *> Dispatcher::lanes_to_scan(bool all, Clock::time_point now, TimestampTz wall,
                                              std::vector<queue::LaneScan> &scans)
{
    std::vector<Lane *> chosen;
    for (Lane *lane : by_priority) {
        if (!(all || lane->more) || !may_send(*lane, wall))
            continue;
        const int free = lane->endpoint->enabled ? room(*lane, now) : read_ahead;
        if (free == 0) {
            lane->more = true;
            continue;
        }
        chosen.push_back(lane);
        const int in_memory = lane->restarted ? static_cast<int>(known.size()) : 0;
        scans.push_back(
            {lane->endpoint->name, lane->server_key, lane->cursor, free + in_memory + lane->crowd});
    }
    return chosen;
}

void Dispatcher::claim(Clock::time_point now)
{
    const bool all = now >= scanned + scan_pause();
    scan_owed = !all;
    crowded = false;
    const bool forget = all && now >= forgotten + std::max<Clock::duration>(forget_pause, 100 * scan_cost);
    if (forget) {
        floor.forget();
        for (auto &[key, lane] : lanes)
            lane->floor = {};
        forgotten = now;
    }
    const bool from_floor =
        forget || (all && now >= rescanned + std::max<Clock::duration>(rescan_pause, 20 * rescan_cost));
    if (from_floor) {
        for (Lane *lane : by_priority) {
            lane->restart();
            lane->skipped = false;
        }
        rescanned = now;
    }
    const TimestampTz wall = GetCurrentTimestamp();
    if (wall >= next_due)
        next_due = DT_NOEND;
    std::vector<Prepared> prepared;
    const size_t results_before = done.size();
    const auto error = pg::transaction({"claiming calls"}, [&] {
        queue::plan_by_index(true);
        if (all && now >= catalog_read + catalog_age) {
            read_catalog();
            catalog_read = now;
        } else
            read_paused(); // a pause holds from its commit on
        std::vector<queue::LaneScan> scans;
        const std::vector<Lane *> chosen = lanes_to_scan(all, now, wall, scans);
        if (chosen.empty())
            return;
        const TimestampTz nothing_new = floor.advance(queue::horizon(), wall);
        const Clock::time_point before = Clock::now();
        const auto candidates = queue::scan(scans, wall);
        if (all)
            scan_cost = Clock::now() - before;
        if (from_floor)
            rescan_cost = Clock::now() - before;
        choose(candidates, chosen, scans, now);
        queue::wake(to_wake);
        if (queue::park(to_park) < to_park.size())
            for (Lane *lane : chosen)
                lane->skipped = true;
        prepared = take();
        if (catalog_outdated)
            throw pg::Error(ERRCODE_T_R_SERIALIZATION_FAILURE,
                            "an endpoint or server was changed while calls were claimed");
        move_floors(chosen, nothing_new);
    });
    if (all)
        scanned = Clock::now();
    if (error) {
        forget_chosen(results_before);
        if (std::exchange(catalog_outdated, false)) {
            read_anew(); // to be claimed under what they say now
            return;
        }
        throw pg::Error(error->sqlstate, error->message, error->detail, error->hint);
    }
    for (Prepared &call : prepared) {
        const int priority = call.job.endpoint->priority;
        ++gates[call.job.server].ready[priority];
        ready.emplace(priority, std::move(call));
    }
}

// Nothing can appear before `nothing_new` any more, and what was read up to the cursor is in memory or
// parked.
void Dispatcher::move_floors(const std::vector<Lane *> &read, TimestampTz nothing_new)
{
    for (Lane *lane : read) {
        if (lane->skipped)
            continue;
        const queue::Place quiet{nothing_new, 0};
        lane->floor = std::max(lane->floor, lane->more ? std::min(quiet, lane->cursor) : quiet);
        if (!lane->more)
            lane->restart();
    }
}

// The transaction that chose was rolled back: what is in memory besides its choice stays.
void Dispatcher::forget_chosen(size_t results_before)
{
    done.erase(done.begin() + static_cast<long>(results_before), done.end());
    known.clear();
    const auto keep = [this](const Job &job) {
        known.insert(job.id);
        known.insert(job.riders.begin(), job.riders.end());
    };
    for (const auto &[priority, call] : ready)
        keep(call.job);
    for (const auto &[id, call] : under_way)
        keep(call.job);
    for (const Result &result : done)
        keep(result.job);
    for (const Result &result : deferred)
        keep(result.job);
    std::erase_if(busy, [this](const auto &entry) { return known.count(entry.second.head) == 0; });
}

// Whether the candidate is the first of its subject; if not it is parked.
bool Dispatcher::first_of_subject(const queue::Candidate &candidate,
                                  const std::map<std::string, queue::Head> &subject_heads)
{
    if (!candidate.subject)
        return true;
    const auto under = busy.find(*candidate.subject);
    if (under != busy.end()) {
        if (candidate.id < under->second.head)
            under->second.late =
                under->second.late == 0 ? candidate.id : std::min(under->second.late, candidate.id);
        to_park.push_back(candidate.id);
        return false;
    }
    const auto head = subject_heads.find(*candidate.subject);
    if (heads.count(candidate.id) == 0 && head != subject_heads.end() && head->second.id != candidate.id) {
        // Two parked rows would wait for each other, so the other one is made claimable before this one is
        // parked.
        (head->second.parked ? to_wake : to_park)
            .push_back(head->second.parked ? head->second.id : candidate.id);
        return false;
    }
    busy[*candidate.subject] = {candidate.id, 0};
    return true;
}

// How many more calls of this lane may be claimed beside those chosen in this scan already.
int Dispatcher::left(const Lane &lane, Clock::time_point now, const std::map<std::string, int> &taken)
{
    const auto chosen = taken.find(lane.server);
    const int before = chosen == taken.end() ? 0 : chosen->second;
    if (!lane.endpoint->enabled)
        return 1;
    if (cautious)
        return chosen_reads.empty() && chosen_once.empty() ? room(lane, now) : 0;
    return circuit_of(lane.server, lane.origin).closed() || before == 0 ? room(lane, now) - before : 0;
}

void Dispatcher::choose(const std::vector<queue::Candidate> &candidates,
                        const std::vector<Lane *> &scanned_lanes, const std::vector<queue::LaneScan> &scans,
                        Clock::time_point now)
{
    chosen_reads.clear();
    chosen_once.clear();
    to_park.clear();
    to_wake.clear();
    chosen_from.clear();
    std::set<std::string> asked;
    for (const queue::Candidate &candidate : candidates)
        if (candidate.subject && known.count(candidate.id) == 0 && heads.count(candidate.id) == 0 &&
            busy.count(*candidate.subject) == 0)
            asked.insert(*candidate.subject);
    const auto subject_heads =
        asked.empty() ? std::map<std::string, queue::Head>{} : queue::heads({asked.begin(), asked.end()});

    std::map<std::string, int> taken; // by server, reads and money together
    std::vector<int> seen(scanned_lanes.size());
    std::vector<bool> full(scanned_lanes.size());
    for (Lane *lane : scanned_lanes)
        lane->restarted = false;
    for (const queue::Candidate &candidate : candidates) {
        const auto index = static_cast<size_t>(candidate.lane);
        Lane &lane = *scanned_lanes[index];
        if (full[index])
            continue;
        const bool mine = known.count(candidate.id) != 0;
        if (!mine && left(lane, now, taken) <= 0) {
            full[index] = true;
            continue;
        }
        ++seen[index];
        lane.cursor = {candidate.due_at, candidate.id};
        if (mine)
            continue;
        const size_t woken = to_wake.size();
        if (!first_of_subject(candidate, subject_heads)) {
            lane.skipped = lane.skipped || to_wake.size() > woken;
            continue;
        }
        chosen_from[candidate.id] = &lane;
        ++taken[lane.server];
        (lane.endpoint->at_most_once && lane.endpoint->enabled ? chosen_once : chosen_reads)
            .push_back(candidate.id);
    }
    for (size_t index = 0; index < scanned_lanes.size(); ++index) {
        Lane &lane = *scanned_lanes[index];
        const bool cut = !full[index] && seen[index] >= scans[index].limit;
        lane.more = full[index] || cut;
        lane.crowd = cut ? std::clamp(2 * lane.crowd, first_crowd, most_crowd) : 0;
        crowded = crowded || cut;
    }
    known.insert(chosen_reads.begin(), chosen_reads.end());
    known.insert(chosen_once.begin(), chosen_once.end());
}

// Claims what was chosen and builds the requests. When an endpoint or a server has changed since
// the catalog was read `catalog_outdated` tells it, and the claim must be undone. A row that is not
// claimed (locked, wished away, gone) is forgotten and found again by a later scan from the floor; the next
// scan goes on behind it, so that it takes no room from others.
std::vector<Dispatcher::Prepared> Dispatcher::take()
{
    std::vector<Prepared> prepared;
    std::unordered_set<int64> left(chosen_reads.begin(), chosen_reads.end());
    left.insert(chosen_once.begin(), chosen_once.end());
    std::vector<Job> jobs = queue::claim(chosen_once, queue::Claim::sending, catalog);
    std::vector<Job> reads =
        queue::claim(chosen_reads, cautious ? queue::Claim::counted : queue::Claim::in_memory, catalog);
    jobs.insert(jobs.end(), std::make_move_iterator(reads.begin()), std::make_move_iterator(reads.end()));
    for (const Job &job : jobs)
        if (!job.endpoint || job.endpoint->version != job.endpoint_version) {
            catalog_outdated = true;
            return {};
        }
    for (Job &job : jobs) {
        left.erase(job.id);
        heads.erase(job.id);
        prepare(std::move(job), prepared);
    }
    for (const int64 id : left) {
        known.erase(id);
        std::erase_if(busy, [id](const auto &entry) { return entry.second.head == id; });
        chosen_from[id]->skipped = true;
        scan_owed = true;
    }
    catalog_outdated = servers_read != servers_era();
    return prepared;
}

void Dispatcher::prepare(Job job, std::vector<Prepared> &prepared)
{
    Lane *lane = lanes[{job.endpoint->name, job.server}].get();
    job.server = lane->server;
    if (!job.endpoint->enabled) {
        finished(without_sending(std::move(job), Outcome::skipped, "the endpoint is disabled"));
        return;
    }
    if (job.crashes > cautious_limit) {
        Result result;
        result.job = std::move(job);
        result.state = "failed";
        result.handle = false;
        result.text = "the dispatcher ended every time this call was under way";
        finished(std::move(result));
        return;
    }
    bool record = false;
    http::Request request;
    const auto error = pg::subtransaction(pg::Constraints::at_commit, [&] {
        queue::plan_by_index(false);
        const Oid role = pg::call([&job] { return get_role_oid(job.created_by.c_str(), true); });
        const auto server = load_server(job.server, role);
        record = server->record;
        if (job.endpoint->coalesces && job.subject)
            job.riders = queue::riders(job, GetCurrentTimestamp());
        const Jsonb *args = built_args(*job.endpoint, args_of(job));
        request = build_request(*job.endpoint, *server, args, job.correlation);
        if (!record)
            require_sendable(request, *server);
    });
    if (error) {
        finished(kept_back(std::move(job), *error));
        return;
    }
    known.insert(job.riders.begin(), job.riders.end());
    if (record)
        finished(without_sending(std::move(job), Outcome::recorded, describe(request)));
    else
        prepared.push_back({std::move(job), std::move(request), lane, lane->origin, lane->url, servers_read,
                            gates[lane->server].version(), nullptr});
}

// The row is no longer in memory.
void Dispatcher::release(const Job &job)
{
    known.erase(job.id);
    heads.erase(job.id);
    for (const int64 rider : job.riders)
        known.erase(rider);
    if (job.subject) {
        const auto under = busy.find(*job.subject);
        if (under != busy.end() && under->second.head == job.id)
            busy.erase(under);
    }
}

} // namespace outbox
