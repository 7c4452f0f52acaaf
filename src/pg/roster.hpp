// The roster: shared memory in which the workers register, so that a committing backend can wake the right one and
// k2bridge.status can tell who runs. Exists only when the library is preloaded.
#pragma once

#include "pg/pg.hpp"

namespace pg
{

enum class Worker : int { launcher, dispatcher, scheduler, listener };

struct RosterEntry {
    Oid database; // InvalidOid: the launcher
    Worker kind;
    int index; // listeners: 0 … n-1
    pid_t pid; // 0: free
    TimestampTz started;
    Latch *latch;
    char state[64];  // what it does now, for k2bridge.status
    char error[256]; // last error of its loop, empty when well
    TimestampTz error_at;
};

constexpr int roster_size = 256;

namespace roster
{
void request();   // from _PG_init, only while preloading
bool available(); // false: not preloaded, so no worker runs

// Registers this process, until it exits. False: another live process holds that place, or the roster is full.
bool join(Oid database, Worker kind, int index);
void tell_state(const char *state);
void tell_error(const char *error); // null: well again

// Sets the latch of the worker of this kind and database, if it runs. Never raises.
void wake(Oid database, Worker kind);

int list(RosterEntry *entries); // copies the occupied entries, returns how many
} // namespace roster

// Wakes the dispatcher of this database when the current transaction commits.
void wake_dispatcher_at_commit();

} // namespace pg
