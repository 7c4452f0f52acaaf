// A call on its way: what the dispatcher remembers of an outbox row between claiming and settling it.
//
// Include before pg/*.hpp.
#pragma once

#include "http/response.hpp"
#include "outbox/endpoint.hpp"
#include "outbox/policy.hpp"
#include "reply/read.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pg/pg.hpp"

namespace outbox
{

struct Job {
    int64 id{0};
    std::shared_ptr<const Endpoint> endpoint;
    uint32_t endpoint_version{0};       // of the endpoint's row when the call was read (Endpoint::version)
    std::string server;                 // where it goes, resolved
    std::optional<std::string> subject; // one at a time per subject
    std::string args;                   // the jsonb varlena's bytes, before the builder
    int attempts{0};                    // those that counted, this one not included
    int crashes{0};                     // how often the dispatcher ended while it was under way
    std::string created_by;
    pg_uuid_t correlation{};
    TimestampTz created_at{0};
    std::vector<int64> riders; // coalesced rows that this one settles too
};

// What became of a job, ready to be written.
enum class Outcome { ok, refused, failed, cancelled, skipped, recorded };

struct Result {
    Job job;
    // Final: the row leaves for k2bridge.call. Otherwise it stays with `state`.
    std::optional<Outcome> outcome;
    std::string state;       // queued, answered, uncertain, failed
    int counted{0};          // attempts to add
    TimestampTz due_at{0};   // of a row that stays; 0: now
    bool handle{true};       // run the handler first
    bool grants_wish{false}; // this is what a person asked for
    int http_status{0};
    std::string code, text;
    std::optional<std::string> reply;   // JSON text that jsonb reads
    std::optional<std::string> content; // binary reply
    std::string content_type, file_name;
    int64 duration{0};         // microseconds, of this attempt
    TimestampTz not_before{0}; // settling waits for a lock of somebody else until then
};

// The arguments as PostgreSQL sees them; valid while the job lives.
inline const Jsonb *args_of(const Job &job)
{
    return reinterpret_cast<const Jsonb *>(job.args.data());
}

// Word of k2bridge.call.outcome.
const char *word(Outcome outcome);

// What the row becomes after a transfer. `now` stamps the next attempt, `dice` in [0,1) spreads it.
Result conclude(Job job, http::Response response, reply::Reply reply, const Decision &decision,
                TimestampTz now, double dice);

} // namespace outbox
