// The roster: shared memory in which the workers register, so that a committing backend can wake the right
// one and k2bridge.status can tell who runs. Exists only when the library is preloaded.
#pragma once

#include "pg/pg.hpp"

namespace pg
{

enum class Worker : int { launcher, dispatcher, scheduler, listener };

// Why a process left the roster; its entry keeps it until the place is needed again.
enum class Left : int {
    unexpectedly, // terminated, or could not go on
    asked,        // the database is wanted by somebody or no longer listed
    nothing_here  // the extension or its tables do not exist
};

struct RosterEntry {
    Oid database; // InvalidOid: the launcher
    Worker kind;
    int index;     // listeners: 0 … n-1
    int port;      // listeners: the port claimed, 0 for none
    bool bound;    // the port is in use by this process
    int listeners; // how many the settings of the database want
    pid_t pid;     // 0: free
    TimestampTz started;
    Latch *latch;
    char state[64]; // what it does now, for k2bridge.status; empty until its first look has found work for it
    char error[256]; // last error of its loop, empty when well
    char hint[160];  // what to do about it
    TimestampTz error_at;
    Left left; // meaningful while pid is 0
};

constexpr int roster_size = 256;

namespace roster
{
void request();   // from _PG_init, only while preloading
bool available(); // false: not preloaded, so no worker runs

// Registers this process, until it exits. False: another live process holds that place, or the roster is
// full.
bool join(Oid database, Worker kind, int index);
bool is_me(Worker kind); // whether this process joined as such
void tell_state(const char *state);
void tell_error(const char *error, const char *hint = nullptr); // null: well again
void tell_leaving(Left why);

// Sets the latch of the worker of this kind and database, if it runs. Never raises.
void wake(Oid database, Worker kind);

// Counts the transactions that asked the launcher to look again (wake_at_commit(Worker::launcher)).
uint32 announcements();

void tell_listeners(int wanted); // by the settings of the database; wakes the launcher when it changes

// A listener's claim of a port, before it binds it: SO_REUSEPORT would let two databases share one.
enum class Claim {
    first,  // nobody has it: make sure that no stranger has, then bind
    shared, // listeners of the same database have it
    later,  // one of them is about to bind it
    taken   // another database's listeners have it
};
Claim claim_port(int port);
void tell_bound();
void release_port();

int list(RosterEntry *entries); // copies the entries of living processes, returns how many

// The entry of this place, living or left; false: never taken, or its place was needed by another.
bool find(Oid database, Worker kind, int index, RosterEntry *entry);
} // namespace roster

// Wakes the worker of this database (launcher: of the cluster) when the current transaction commits.
void wake_at_commit(Worker kind);
inline void wake_dispatcher_at_commit()
{
    wake_at_commit(Worker::dispatcher);
}

} // namespace pg
