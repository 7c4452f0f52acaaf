// Counters for monitoring, in shared memory: exact over all processes of a database, from the start of the
// server on.
//
// A counter is a kind, a name and a code; it appears with its first count. The table is bounded: what finds
// no place is counted as lost. Without preloading nothing is counted.
#pragma once

#include "pg/pg.hpp"

namespace pg::counters
{

enum class Kind : int {
    request,  // HTTP requests: service, status
    answer,   // business answers: service, error_code
    duration, // of requests: service, upper bound of its bucket in seconds; or "us": their sum in µs
    inbound,  // requests of one minute of the last hour: minute of the hour, "ok", "refused" or "failed"
    call,     // finished calls: endpoint, outcome
    lost      // counts that found no place, in all databases
};

// One step of one counter of this database; a step by 0 is none. Texts are in the encoding of the database;
// what is too long is cut.
struct Step {
    Kind kind;
    const char *name, *code;
    uint64 by = 1;
};

void request_memory(); // from _PG_init, only while preloading

void add(std::initializer_list<Step> steps); // at once; never raises, so callbacks of libraries may count

// When the transaction commits, and only if the subtransaction it happened in does.
void add_at_commit(const Step &step);

} // namespace pg::counters
