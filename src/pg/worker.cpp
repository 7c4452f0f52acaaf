// See worker.hpp: start, pinned settings, the once-a-second look, the loop and its recovery.
#include "pg/worker.hpp"
#include "pg/database_settings.hpp"
#include "pg/identity.hpp"
#include "pg/version.hpp"

#include <algorithm>

extern "C" {
#include "access/genam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/varlena.h"
}

namespace pg
{

namespace
{

constexpr long look_interval_ms = 1000;
constexpr long first_pause_ms = 1000, longest_pause_ms = 60000;
constexpr int64 quiet_after_us = INT64CONST(60000000);

int index_of_worker;

void pin(const char *name, const char *value)
{
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

// What ALTER DATABASE … SET or postgresql.conf may say for people but must not say for workers.
void pin_settings()
{
    static const struct {
        const char *name, *value;
    } pinned[] = {{"search_path", ""},
                  {"role", "none"},
                  {"row_security", "on"},
                  {"session_replication_role", "origin"},
                  {"default_transaction_isolation", "read committed"},
                  {"default_transaction_read_only", "off"},
                  {"default_transaction_deferrable", "off"},
                  {"idle_in_transaction_session_timeout", "0"},
                  {"idle_session_timeout", "0"}};
    for (const auto &setting : pinned)
        pin(setting.name, setting.value);
    char number[16];
    snprintf(number, sizeof number, "%d", settings::lock_timeout);
    pin("lock_timeout", number);
    snprintf(number, sizeof number, "%d", settings::statement_timeout);
    pin("statement_timeout", number);
    // A reply is acted upon only once it is durable; a stronger wish of the cluster is kept.
    if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
        pin("synchronous_commit", "on");
}

bool extension_exists(Oid *version_table)
{
    const Oid schema = get_namespace_oid("k2bridge", true);
    if (!OidIsValid(schema) || !OidIsValid(get_extension_oid("k2bridge", true)) ||
        !OidIsValid(get_relname_relid("outbox", schema)))
        return false;
    *version_table = get_relname_relid("schema_version", schema);
    return OidIsValid(*version_table);
}

// Whether library, functions and tables are of one version; runs as the owner of the tables.
bool versions_agree()
{
    const VersionTrouble trouble = version_trouble();
    if (trouble.message != nullptr)
        roster::tell_error(trouble.message, trouble.hint);
    return trouble.message == nullptr;
}

Stay leave(Left why)
{
    roster::tell_leaving(why);
    return Stay::leave;
}

// Plain server code inside a transaction, as superuser. `former` is kept while the answer is locked away.
Stay look_at_database(Stay former)
{
    const char *name = get_database_name(MyDatabaseId);
    Oid version_table;
    if (name == nullptr || !listed(name) || database_wanted(MyDatabaseId))
        return leave(Left::asked);
    if (!extension_exists(&version_table))
        return leave(Left::nothing_here);
    if (!ConditionalLockRelationOid(version_table, AccessShareLock))
        return former;
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(tables_owner(), context);
    const bool agree = versions_agree();
    SetUserIdAndSecContext(user, context);
    return agree ? Stay::work : Stay::idle;
}

void reload_if_asked(Work &work)
{
    if (!ConfigReloadPending)
        return;
    ConfigReloadPending = false;
    call([] {
        ProcessConfigFile(PGC_SIGHUP);
        pin_settings();
    });
    work.reloaded();
}

// What the loop remembers of its errors: how long to pause, what was logged already.
class Troubles
{
public:
    // A clock that was set back must not make the pause longer.
    bool pausing(TimestampTz now) const { return now < retry_at && retry_at - now <= pause * 1000; }
    bool any() const { return pause > 0; }
    long remaining_ms(TimestampTz now) const { return static_cast<long>((retry_at - now) / 1000) + 1; }

    void add(const CaughtError &error)
    {
        const TimestampTz now = GetCurrentTimestamp();
        const bool repeated =
            error.sqlstate == sqlstate && error.message == message && now - seen_at < quiet_after_us * 2;
        const bool tell = repeated ? !told : !may_come_back(error.sqlstate);
        log_error(tell ? WARNING : DEBUG1, error);
        told = tell || (repeated && told);
        sqlstate = error.sqlstate;
        message = error.message;
        seen_at = now;
        pause = std::min(pause ? pause * 2 : first_pause_ms, longest_pause_ms);
        retry_at = now + pause * 1000;
        roster::tell_error(error.message.c_str(), error.hint.c_str());
        roster::tell_state("pausing after an error");
    }

    void clear()
    {
        pause = 0;
        retry_at = 0;
        roster::tell_error(nullptr);
    }

private:
    // Something of ours is missing: while the extension is dropped and created again it is, for a moment.
    static bool may_come_back(int state)
    {
        return state == ERRCODE_UNDEFINED_FUNCTION || state == ERRCODE_UNDEFINED_TABLE ||
               state == ERRCODE_UNDEFINED_COLUMN || state == ERRCODE_UNDEFINED_OBJECT ||
               state == ERRCODE_UNDEFINED_SCHEMA;
    }

    int sqlstate = 0;
    bool told = false;
    std::string message;
    TimestampTz seen_at = 0, retry_at = 0;
    long pause = 0;
};

// One process's loop: turn, wait, once a second a look.
class Loop
{
public:
    explicit Loop(Work &what) : work(what) {}

    // False: leave.
    bool turn()
    {
        in_turn = false;
        const std::optional<CaughtError> error = attempt([this] { step(); });
        if (!error)
            return stay != Stay::leave;
        roll_back();
        // A cancel of a process that waits cancels nothing, as in any idle session.
        if (!in_turn && error->sqlstate == ERRCODE_QUERY_CANCELED)
            return true;
        if (nothing_to_do())
            return stay != Stay::leave;
        troubles.add(*error);
        work.failed();
        return true;
    }

private:
    void step()
    {
        reload_if_asked(work);
        const TimestampTz now = GetCurrentTimestamp();
        if (now >= look_at || now < look_at - look_interval_ms * 1000)
            look(now);
        if (stay == Stay::leave)
            return;
        long sleep = std::max(static_cast<long>((look_at - now) / 1000), 0L) + 1;
        int descriptor = -1;
        if (stay == Stay::work && troubles.pausing(now)) {
            sleep = std::min(sleep, troubles.remaining_ms(now));
        } else if (stay == Stay::work) {
            const long wanted = take_turn();
            sleep = wanted < 0 ? sleep : std::min(sleep, wanted);
            descriptor = work.descriptor();
        }
        wait(descriptor, sleep);
    }

    // Whether what failed is not there any more, or of another version: nobody needs to hear of that.
    bool nothing_to_do()
    {
        if (!in_turn)
            return false;
        if (attempt([this] { look(GetCurrentTimestamp()); }))
            roll_back();
        return stay != Stay::work;
    }

    long take_turn()
    {
        in_turn = true;
        const long wanted = work.turn();
        in_turn = false;
        if (troubles.any()) {
            troubles.clear();
            roster::tell_state("running");
        }
        return wanted;
    }

    void look(TimestampTz now)
    {
        const Stay former = stay;
        look_at = now + look_interval_ms * 1000;
        call([] { pgstat_report_stat(true); }); // what the last transaction counted, once nothing follows it
        stay = work.look();
        if (stay == Stay::leave || (looked && stay == former))
            return;
        looked = true;
        roster::tell_state(stay == Stay::work ? "running" : "waiting");
        roster::wake(InvalidOid, Worker::launcher);
        if (stay == Stay::work)
            troubles.clear();
    }

    Work &work;
    Troubles troubles;
    Stay stay = Stay::idle;
    TimestampTz look_at = 0;
    bool looked = false;
    bool in_turn = false;
};

} // namespace

int worker_index()
{
    return index_of_worker;
}

List *listed_databases()
{
    List *names = NIL;
    SplitGUCList(pstrdup(settings::databases), ',', &names);
    return names;
}

bool listed(const char *database)
{
    ListCell *cell;
    foreach (cell, listed_databases())
        if (strcmp(static_cast<const char *>(lfirst(cell)), database) == 0)
            return true;
    return false;
}

bool database_wanted(Oid database)
{
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
    if (LockAcquire(&tag, RowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
        return true;
    LockRelease(&tag, RowExclusiveLock, false);
    return false;
}

bool start_worker(Worker kind, Datum argument)
{
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    const Oid database = kind == Worker::launcher ? InvalidOid : DatumGetObjectId(argument);
    if (kind == Worker::launcher)
        BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
    else
        BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
    pin_settings();
    pgstat_report_appname(MyBgworkerEntry->bgw_name);
    memcpy(&index_of_worker, MyBgworkerEntry->bgw_extra, sizeof index_of_worker);
    if (!roster::available())
        ereport(FATAL, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("k2bridge is not preloaded"),
                errhint("Add k2bridge to shared_preload_libraries and restart."));
    return roster::join(database, kind, index_of_worker);
}

Stay Work::look()
{
    static Stay former = Stay::idle;
    Stay stay = former;
    bool changed = false;
    const Frame frame{nullptr, BOOTSTRAP_SUPERUSERID};
    const std::optional<CaughtError> error = transaction(frame, [&] {
        changed = call([] { return take_up_database_settings(); });
        stay = call([] { return look_at_database(former); });
    });
    if (error)
        raise(*error);
    former = stay;
    roster::tell_listeners(stay != Stay::leave && settings::listen_port > 0 ? settings::listeners : 0);
    if (changed)
        reloaded();
    return stay;
}

void run_loop(Work &work)
{
    const MemoryContext memory =
        call([] { return AllocSetContextCreate(TopMemoryContext, "k2bridge loop", ALLOCSET_DEFAULT_SIZES); });
    Loop loop(work);
    do {
        MemoryContextReset(memory);
        MemoryContextSwitchTo(memory);
    } while (loop.turn());
}

} // namespace pg
