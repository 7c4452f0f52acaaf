// The transaction frame of the workers: everything they do with SQL happens inside transaction(), and what
// may fail alone inside subtransaction(). Both roll back by themselves and hand the error back as a value.
//
// f is C++ code; it makes its own steps into PostgreSQL through pg::call and finds SPI connected and a
// snapshot set. Not for backends of users: there an error belongs to the user.
#pragma once

#include "pg/guard.hpp"
#include "settings.hpp"

namespace pg
{

// A PostgreSQL error (or C++ exception) after its rollback. Texts are empty when there are none.
struct CaughtError {
    int sqlstate;
    std::string message, detail, hint, context;
};

// Copies and flushes the error in flight. The caller rolls back.
CaughtError take_error();

// Runs f and returns what it raised, PostgreSQL error or C++ exception. The caller rolls back.
std::optional<CaughtError> attempt(const std::function<void()> &f);

// Raises it again as a C++ exception; attempt() and the loop of a worker get it back complete.
[[noreturn]] void raise(const CaughtError &error);

// Ends whatever transaction is open after an error: the middle of the server's own error recovery.
void roll_back();

// Writes the error to the server log, SQLSTATE and all, as it would have been reported. Level LOG … WARNING.
void log_error(int level, const CaughtError &error);

struct Frame {
    const char *activity;  // shown in pg_stat_activity.query; null: left as it is
    Oid role = InvalidOid; // InvalidOid: the owner of the tables (tables_owner())
    int statement_timeout =
        settings::statement_timeout; // ms for f, and anew for each subtransaction; 0: none
};

// Runs f in a transaction of its own, as frame.role under SECURITY_LOCAL_USERID_CHANGE until after the commit
// (deferred triggers run as that role too, never as superuser), and commits. Returns the error that made it
// roll back instead. Settings changed inside do not survive. Raises ErrorInFlight only when the rollback
// itself fails.
std::optional<CaughtError> transaction(const Frame &frame, const std::function<void()> &f);

// Inside transaction(): it commits without waiting for the disk. For what may be lost in a crash.
void commit_without_waiting();

// When the deferred constraints of an item are checked.
enum class Constraints {
    at_commit,
    at_end // of the subtransaction, so that a failure is that item's alone; the next item begins with them
           // deferred again
};

// Runs f in a subtransaction, which is released; or rolled back and the error returned. Restores memory
// context, resource owner, user and settings. Inside transaction() only, where a cancel or timeout ends the
// item and not the batch.
std::optional<CaughtError> subtransaction(Constraints when, const std::function<void()> &f);

} // namespace pg
