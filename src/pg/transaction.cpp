// See transaction.hpp. The order of the steps is that of postgres.c around a simple query.
#include "pg/transaction.hpp"
#include "pg/identity.hpp"

extern "C" {
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "utils/inval.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
}

namespace pg
{

namespace
{

// A CaughtError on its way up.
class Raised : public Error
{
public:
    explicit Raised(const CaughtError &what)
        : Error(what.sqlstate, what.message, what.detail, what.hint), error(what)
    {
    }

    const CaughtError error;
};

std::string text(const char *characters)
{
    return characters ? characters : "";
}

// Of the transaction() that runs now.
int item_timeout;
bool constraints_settled; // an item has ended with SET CONSTRAINTS ALL IMMEDIATE

// The constraints of the database that are declared INITIALLY DEFERRED.
List *initially_deferred;                      // RangeVars, in deferred_memory
MemoryContext deferred_memory;                 // a child of TopMemoryContext, made on first use
uint32 constraint_changes = 1, deferred_as_of; // equal while the list is right

void arm(int timeout)
{
    if (timeout > 0)
        enable_timeout_after(STATEMENT_TIMEOUT, timeout);
}

// Returns the nest level of the settings.
int begin(const Frame &frame)
{
    Assert(!IsTransactionState());
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    QueryCancelPending = false; // meant for what is over
    PushActiveSnapshot(GetTransactionSnapshot());
    const Oid role = OidIsValid(frame.role) ? frame.role : tables_owner();
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE);
    const int level = NewGUCNestLevel();
    SPI_connect();
    if (frame.activity)
        pgstat_report_activity(STATE_RUNNING, frame.activity);
    constraints_settled = false;
    item_timeout = frame.statement_timeout;
    arm(item_timeout);
    return level;
}

// The user is put back after the commit: deferred triggers must not run as superuser.
void commit(int level, Oid user, int context)
{
    disable_timeout(STATEMENT_TIMEOUT, false);
    SPI_finish();
    PopActiveSnapshot();
    AtEOXact_GUC(false, level);
    CommitTransactionCommand();
    SetUserIdAndSecContext(user, context);
}

void report_idle()
{
    pgstat_report_stat(false);
    pgstat_report_activity(STATE_IDLE, nullptr);
}

void set_constraints(List *names, bool deferred)
{
    ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);
    statement->constraints = names;
    statement->deferred = deferred;
    AfterTriggerSetState(statement);
}

void forget_deferred(Datum, int, uint32)
{
    ++constraint_changes;
}

// SET CONSTRAINTS has no form that goes back to how they were declared, so their names are kept.
void remember_deferred()
{
    if (deferred_memory == nullptr) {
        deferred_memory =
            AllocSetContextCreate(TopMemoryContext, "deferred constraints", ALLOCSET_SMALL_SIZES);
        CacheRegisterSyscacheCallback(CONSTROID, forget_deferred, 0);
    }
    initially_deferred = nullptr;
    MemoryContextReset(deferred_memory);
    const uint32 as_of = constraint_changes;
    if (SPI_execute("SELECT n.nspname, c.conname FROM pg_catalog.pg_constraint c"
                    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace"
                    " GROUP BY 1, 2 HAVING pg_catalog.bool_and(c.condeferrable) AND "
                    "pg_catalog.bool_or(c.condeferred)",
                    true, 0) != SPI_OK_SELECT)
        elog(ERROR, "could not read the deferred constraints");
    const MemoryContext before = MemoryContextSwitchTo(deferred_memory);
    for (uint64 i = 0; i < SPI_processed; ++i) {
        bool null;
        const Datum schema = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);
        const Datum name = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &null);
        initially_deferred =
            lappend(initially_deferred, makeRangeVar(pstrdup(NameStr(*DatumGetName(schema))),
                                                     pstrdup(NameStr(*DatumGetName(name))), -1));
    }
    MemoryContextSwitchTo(before);
    SPI_freetuptable(SPI_tuptable);
    deferred_as_of = as_of;
}

// The next item begins as a transaction does.
void defer_again()
{
    if (!constraints_settled)
        return;
    if (deferred_as_of != constraint_changes)
        remember_deferred();
    if (initially_deferred)
        set_constraints(initially_deferred, true);
}

void settle_constraints()
{
    set_constraints(NIL, false);
    constraints_settled = true;
}

} // namespace

CaughtError take_error()
{
    ErrorData *copy = nullptr;
    try {
        copy = call([] { return CopyErrorData(); });
    } catch (const ErrorInFlight &) {
        copy = nullptr; // no memory for the copy
    }
    FlushErrorState();
    if (copy == nullptr)
        return {ERRCODE_OUT_OF_MEMORY, "out of memory", {}, {}, {}};
    CaughtError error{copy->sqlerrcode, text(copy->message), text(copy->detail), text(copy->hint),
                      text(copy->context)};
    FreeErrorData(copy);
    return error;
}

std::optional<CaughtError> attempt(const std::function<void()> &f)
{
    border::Report report;
    try {
        f();
        return std::nullopt;
    } catch (const Raised &raised) {
        return raised.error;
    } catch (...) {
        border::describe(report);
    }
    if (report.in_flight)
        return take_error();
    return CaughtError{report.sqlstate, report.message, report.detail, report.hint, {}};
}

void raise(const CaughtError &error)
{
    throw Raised(error);
}

void roll_back()
{
    call([] {
        HOLD_INTERRUPTS();
        disable_all_timeouts(false);
        QueryCancelPending = false;
        AbortCurrentTransaction();
        LWLockReleaseAll();
        ConditionVariableCancelSleep();
        pgstat_report_wait_end();
        report_idle();
        RESUME_INTERRUPTS();
    });
}

void log_error(int level, const CaughtError &error)
{
    const char *message = error.message.c_str(), *detail = error.detail.c_str(), *hint = error.hint.c_str(),
               *context = error.context.c_str();
    const int sqlstate = error.sqlstate;
    call([=] {
        ereport(level, errcode(sqlstate), errmsg_internal("%s", message),
                *detail ? errdetail_internal("%s", detail) : 0, *hint ? errhint("%s", hint) : 0,
                *context ? errcontext("%s", context) : 0);
    });
}

void commit_without_waiting()
{
    synchronous_commit = SYNCHRONOUS_COMMIT_OFF;
}

std::optional<CaughtError> transaction(const Frame &frame, const std::function<void()> &f)
{
    struct KeepDurability {
        const int before = synchronous_commit;
        ~KeepDurability() { synchronous_commit = before; }
    } keep_durability;
    const MemoryContext here = CurrentMemoryContext;
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    std::optional<CaughtError> error = attempt([&] {
        const int level = call([&] { return begin(frame); });
        f();
        MemoryContextSwitchTo(here); // outlives the transaction, whatever fails from now on
        call([=] {
            MemoryContextSwitchTo(TopTransactionContext);
            commit(level, user, context);
            MemoryContextSwitchTo(here);
            report_idle();
        });
    });
    MemoryContextSwitchTo(here);
    if (error)
        roll_back();
    MemoryContextSwitchTo(here);
    item_timeout = 0;
    return error;
}

std::optional<CaughtError> subtransaction(Constraints when, const std::function<void()> &f)
{
    const MemoryContext here = CurrentMemoryContext;
    const ResourceOwner owner = CurrentResourceOwner;
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    const int level = call([=] {
        BeginInternalSubTransaction(nullptr);
        MemoryContextSwitchTo(here);
        arm(item_timeout);
        return NewGUCNestLevel();
    });
    std::optional<CaughtError> error = attempt([&] {
        if (when == Constraints::at_end)
            call([] { defer_again(); });
        f();
        call([=] {
            if (when == Constraints::at_end)
                settle_constraints();
            SetUserIdAndSecContext(user, context);
            AtEOXact_GUC(false, level);
            ReleaseCurrentSubTransaction();
            MemoryContextSwitchTo(here);
            CurrentResourceOwner = owner;
        });
    });
    if (error)
        call([=] {
            RollbackAndReleaseCurrentSubTransaction();
            MemoryContextSwitchTo(here);
            CurrentResourceOwner = owner;
        });
    return error;
}

} // namespace pg
