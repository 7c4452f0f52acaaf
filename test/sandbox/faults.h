/*
 * Faults on demand: an ordered list of rules that says which request gets which fault.
 *
 * Promises: the first rule that matches and is due wins; whether a rule is due depends only on the seed
 * and on how often that rule matched before, so that runs repeat. The rules do nothing themselves: the
 * server carries the chosen plan out.
 */
#pragma once

#include "message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox
{

enum class FaultKind {
    none,
    pass,            // served as usual, later rules are not looked at
    latency,         // answered as usual, after ms
    status,          // another HTTP status, headers and body
    refusal,         // a refusal as the service would write it
    redirect,        // 3xx with Location
    reset,           // RST, no reply
    close,           // FIN, no reply
    hang,            // no reply, the connection stays open
    truncate,        // Content-Length larger than what is sent
    garbage,         // bytes that are not HTTP
    endless_body,    // chunked without an end
    endless_headers, // header lines without an end
    huge,            // a body of so many megabytes
    charset,         // windows-1251 bytes under the right, no or a wrong label
    bad_text,        // NUL, invalid UTF-8, lone surrogate, byte order mark, duplicate key
    drip             // the usual reply a few bytes at a time
};

/* When the services see a request that is under a fault. */
enum class Processing { never, at_arrival, at_answer };

struct FaultRule {
    std::string name; // shown in the log; the kind as it was written when not given
    FaultKind kind = FaultKind::none;
    Processing processing = Processing::never;

    std::string path;     // prefix of the path
    std::string contains; // substring of the query or the body
    std::string method;
    bool reused = false; // only the second and later requests of a connection

    std::optional<std::uint64_t> count; // at most so many times
    std::uint64_t skip = 0;             // the first matches are let through
    std::uint64_t every = 1;            // each k-th match
    double probability = 1;

    std::uint64_t wait_ms = 0; // before the fault shows
    std::uint64_t jitter_ms = 0;
    std::uint64_t interval_ms = 100; // between the pieces of endless and dripping replies
    std::uint64_t bytes = 0;         // size of a piece; for truncate how much is sent
    std::uint64_t megabytes = 16;
    bool chunked = false;
    int status = 0;
    std::int64_t error_code = 1;
    std::string error_text = "Отказ по правилу";
    std::string service_code; // refusals of Autoclient calls
    std::optional<std::string> body;
    std::string content_type;
    Pairs headers;
    std::string location;
    std::string label = "right"; // charset: right, none, wrong
    std::string what = "nul";    // bad_text: which
    std::string field = "error_text";

    std::string text; // the rule as it was given
    std::uint64_t matched = 0;
    std::uint64_t applied = 0;
};

class Faults
{
public:
    /* Replaces or extends the rules by a document {"seed":n,"rules":[…]} or {"add":[…]}. Throws Refused 400.
     */
    void load(const Value &document);

    /* The rule for this request with its final waiting time; FaultKind::none when it is served as usual. */
    FaultRule pick(const Request &request);

    std::string to_json() const;
    void clear() { rules_.clear(); }
    void seed(std::uint64_t value) { seed_ = value; }

private:
    bool due(FaultRule &rule, std::size_t index) const;

    std::vector<FaultRule> rules_;
    std::uint64_t seed_ = 1;
};

/* Reads one rule; throws Refused 400 naming the member that is wrong. */
FaultRule read_fault_rule(const Value &object);

} // namespace sandbox
