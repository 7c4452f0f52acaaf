// See roster.hpp. One lightweight lock protects a fixed array; entries of dead processes are taken over.
#include "pg/roster.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
}

namespace pg
{

namespace
{

struct Shared {
    LWLock *lock;
    pg_atomic_uint32 announcements;
    RosterEntry entries[roster_size];
};

Shared *shared;
RosterEntry *mine;
Left why_left = Left::unexpectedly;
shmem_request_hook_type former_request;
shmem_startup_hook_type former_startup;

void request_memory()
{
    if (former_request)
        former_request();
    RequestAddinShmemSpace(sizeof(Shared));
    RequestNamedLWLockTranche("k2bridge", 1);
}

void start_memory()
{
    if (former_startup)
        former_startup();
    bool found;
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    shared = static_cast<Shared *>(ShmemInitStruct("k2bridge", sizeof(Shared), &found));
    if (!found) {
        memset(static_cast<void *>(shared), 0, sizeof(Shared));
        pg_atomic_init_u32(&shared->announcements, 0);
        shared->lock = &GetNamedLWLockTranche("k2bridge")->lock;
    }
    LWLockRelease(AddinShmemInitLock);
}

void leave(int, Datum)
{
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    if (mine && mine->pid == MyProcPid) {
        mine->left = why_left;
        mine->pid = 0;
    }
    LWLockRelease(shared->lock);
    roster::wake(InvalidOid, Worker::launcher);
}

bool alive(const RosterEntry &entry)
{
    return entry.pid != 0 && BackendPidGetProc(entry.pid) != nullptr;
}

// Copies what fits, never half a character.
void cut(char *to, size_t size, const char *text)
{
    const int length = text ? static_cast<int>(strlen(text)) : 0;
    const int kept = pg_mbcliplen(text ? text : "", length, static_cast<int>(size) - 1);
    memcpy(to, text ? text : "", kept);
    to[kept] = '\0';
}

unsigned wanted_at_commit; // a bit per kind

void wake_wanted(XactEvent event, void *)
{
    if (event == XACT_EVENT_COMMIT && shared && (wanted_at_commit & 1u << static_cast<int>(Worker::launcher)))
        pg_atomic_fetch_add_u32(&shared->announcements, 1);
    if (event == XACT_EVENT_COMMIT)
        for (Worker kind : {Worker::launcher, Worker::dispatcher, Worker::scheduler, Worker::listener})
            if (wanted_at_commit & (1u << static_cast<int>(kind)))
                roster::wake(kind == Worker::launcher ? InvalidOid : MyDatabaseId, kind);
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
        wanted_at_commit = 0;
}

bool same_place(const RosterEntry &entry, Oid database, Worker kind, int index)
{
    return entry.started != 0 && entry.database == database && entry.kind == kind && entry.index == index;
}

} // namespace

namespace roster
{

void request()
{
    former_request = shmem_request_hook;
    shmem_request_hook = request_memory;
    former_startup = shmem_startup_hook;
    shmem_startup_hook = start_memory;
}

bool available()
{
    return shared != nullptr;
}

bool join(Oid database, Worker kind, int index)
{
    RosterEntry *own = nullptr, *fresh = nullptr, *left = nullptr;
    bool taken = false;
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    for (RosterEntry &entry : shared->entries) {
        const bool living = alive(entry);
        if (same_place(entry, database, kind, index)) {
            own = &entry;
            taken = taken || living;
        } else if (entry.started == 0 && fresh == nullptr) {
            fresh = &entry;
        } else if (!living && left == nullptr) {
            left = &entry;
        }
    }
    RosterEntry *place = own ? own : fresh ? fresh : left;
    if (!taken && place) {
        memset(static_cast<void *>(place), 0, sizeof *place);
        place->database = database;
        place->kind = kind;
        place->index = index;
        place->pid = MyProcPid;
        place->started = GetCurrentTimestamp();
        place->latch = MyLatch;
        mine = place;
    }
    LWLockRelease(shared->lock);
    if (taken || place == nullptr)
        return false;
    before_shmem_exit(leave, 0);
    wake(InvalidOid, Worker::launcher);
    return true;
}

bool is_me(Worker kind)
{
    return mine && mine->kind == kind;
}

void tell_state(const char *state)
{
    if (mine == nullptr)
        return;
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    cut(mine->state, sizeof mine->state, state);
    LWLockRelease(shared->lock);
}

void tell_error(const char *error, const char *hint)
{
    if (mine == nullptr)
        return;
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    char former[sizeof mine->error];
    strlcpy(former, mine->error, sizeof former);
    cut(mine->error, sizeof mine->error, error);
    cut(mine->hint, sizeof mine->hint, hint);
    if (error == nullptr)
        mine->error_at = 0;
    else if (strcmp(former, mine->error) != 0)
        mine->error_at = GetCurrentTimestamp();
    LWLockRelease(shared->lock);
}

void tell_listeners(int wanted)
{
    if (mine == nullptr || mine->listeners == wanted)
        return;
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    mine->listeners = wanted;
    LWLockRelease(shared->lock);
    wake(InvalidOid, Worker::launcher);
}

Claim claim_port(int port)
{
    Claim claim = Claim::first;
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    for (const RosterEntry &entry : shared->entries) {
        if (&entry == mine || entry.port != port || !alive(entry))
            continue;
        if (entry.database != mine->database)
            claim = Claim::taken;
        else if (claim != Claim::taken)
            claim = entry.bound && claim != Claim::later ? Claim::shared : Claim::later;
    }
    if (claim == Claim::first || claim == Claim::shared) {
        mine->port = port;
        mine->bound = claim == Claim::shared;
    }
    LWLockRelease(shared->lock);
    return claim;
}

void tell_bound()
{
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    mine->bound = true;
    LWLockRelease(shared->lock);
}

void release_port()
{
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    mine->port = 0;
    mine->bound = false;
    LWLockRelease(shared->lock);
}

uint32 announcements()
{
    return pg_atomic_read_u32(&shared->announcements);
}

void tell_leaving(Left why)
{
    why_left = why;
}

void wake(Oid database, Worker kind)
{
    if (shared == nullptr)
        return;
    for (RosterEntry &entry : shared->entries)
        if (entry.pid != 0 && entry.database == database && entry.kind == kind && entry.latch)
            SetLatch(entry.latch);
}

int list(RosterEntry *entries)
{
    int count = 0;
    if (shared == nullptr)
        return 0;
    LWLockAcquire(shared->lock, LW_SHARED);
    for (const RosterEntry &entry : shared->entries)
        if (alive(entry))
            entries[count++] = entry;
    LWLockRelease(shared->lock);
    return count;
}

bool find(Oid database, Worker kind, int index, RosterEntry *entry)
{
    bool found = false;
    LWLockAcquire(shared->lock, LW_SHARED);
    for (const RosterEntry &candidate : shared->entries)
        if (same_place(candidate, database, kind, index)) {
            *entry = candidate;
            if (!alive(candidate))
                entry->pid = 0;
            found = true;
            break;
        }
    LWLockRelease(shared->lock);
    return found;
}

} // namespace roster

void wake_at_commit(Worker kind)
{
    static bool hooked = false;
    if (!hooked)
        RegisterXactCallback(wake_wanted, nullptr);
    hooked = true;
    wanted_at_commit |= 1u << static_cast<int>(kind);
}

} // namespace pg
