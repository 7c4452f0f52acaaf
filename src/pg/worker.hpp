// The frame of every k2bridge process: how it starts, loops, recovers and leaves.
//
//     extern "C" PGDLLEXPORT void k2bridge_dispatcher_main(Datum argument)
//     {
//         if (!pg::start_worker(pg::Worker::dispatcher, argument))
//             proc_exit(0);
//         pg::entry([] { Dispatcher dispatcher; pg::run_loop(dispatcher); });
//         proc_exit(0);
//     }
#pragma once

#include "pg/roster.hpp"
#include "pg/transaction.hpp"
#include "pg/wait.hpp"

namespace pg
{

// Takes signals, connects to the database whose OID is `argument` (the launcher: no database) as the
// bootstrap superuser, pins the settings that a database owner might have changed, joins the roster. False:
// another process holds this place; leave with code 0. Plain server code, before any C++ object lives.
bool start_worker(Worker kind, Datum argument);

// Which of the workers of its kind this one is, from 0.
int worker_index();

// The names in k2bridge.databases, a list of char *, and whether one is among them. Names are as they are,
// case and all; one with a comma, blank or quote stands in double quotes. Server idiom.
List *listed_databases();
bool listed(const char *database);

// Whether somebody (DROP, RENAME, TEMPLATE) wants the lock of this database; inside a transaction.
bool database_wanted(Oid database);

enum class Stay {
    work,
    idle, // nothing may be done now; the roster says why
    leave
};

// What a process does in its loop.
class Work
{
public:
    virtual ~Work() = default;

    // Does what is due. Returns after how many ms it wants its next turn at the latest (-1: only when woken
    // or when the descriptor is readable). An error that leaves it is logged once, shown in the roster and
    // retried after a pause that grows from 1 s to 60 s.
    virtual long turn() = 0;

    // Waited on beside the latch; -1: none.
    virtual int descriptor() const { return -1; }

    // The settings were read again.
    virtual void reloaded() {}

    // A turn failed or was cancelled; what it left half done is put right here. No transaction is open.
    virtual void failed() {}

    // Asked once a second. The default: leave when the database's lock is wanted, the extension or its tables
    // are gone, or the database is no longer listed; idle while library, functions and tables are
    // not of one version.
    virtual Stay look();
};

// Turns and waits until look() says leave. Errors of a turn and of the wait are recovered from inside.
void run_loop(Work &work);

} // namespace pg
