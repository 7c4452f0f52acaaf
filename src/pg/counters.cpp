// See counters.hpp. One lightweight lock protects a hash table of fixed size.
#include "pg/counters.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/tuplestore.h"
}

namespace pg::counters
{

namespace
{

constexpr long places = 4096;

struct Key {
    Oid database;
    Kind kind;
    char name[104];
    char code[16];
};

struct Counter {
    Key key; // first, as the hash table wants it
    uint64 value;
    int64 minute; // since the epoch of PostgreSQL; an inbound counter of an older one begins anew
};

HTAB *table;
LWLock *lock;
uint64 *lost;
shmem_request_hook_type former_request;
shmem_startup_hook_type former_startup;

void request_space()
{
    if (former_request)
        former_request();
    RequestAddinShmemSpace(add_size(hash_estimate_size(places, sizeof(Counter)), sizeof(uint64)));
    RequestNamedLWLockTranche("k2bridge counters", 1);
}

void start_memory()
{
    if (former_startup)
        former_startup();
    bool found;
    HASHCTL control = {};
    control.keysize = sizeof(Key);
    control.entrysize = sizeof(Counter);
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    lost = static_cast<uint64 *>(ShmemInitStruct("k2bridge counters lost", sizeof(uint64), &found));
    if (!found)
        *lost = 0;
    table = ShmemInitHash("k2bridge counters", places, places, &control,
                          HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
    lock = &GetNamedLWLockTranche("k2bridge counters")->lock;
    LWLockRelease(AddinShmemInitLock);
}

template <size_t N> void cut(char (&to)[N], const char *text)
{
    const int length = static_cast<int>(strlen(text));
    memcpy(to, text, pg_mbcliplen(text, length, static_cast<int>(N) - 1));
}

Key key_of(const Step &step)
{
    Key key;
    memset(&key, 0, sizeof key);
    key.database = MyDatabaseId;
    key.kind = step.kind;
    cut(key.name, step.name);
    cut(key.code, step.code);
    return key;
}

int64 minute_of(TimestampTz at)
{
    return at / (60 * USECS_PER_SEC);
}

void count(const Key &key, uint64 by)
{
    bool found;
    auto *counter = static_cast<Counter *>(hash_search(table, &key, HASH_ENTER_NULL, &found));
    if (counter == nullptr) {
        ++*lost;
        return;
    }
    const int64 minute = key.kind == Kind::inbound ? minute_of(GetCurrentTimestamp()) : 0;
    if (!found || counter->minute != minute)
        counter->value = 0;
    counter->minute = minute;
    counter->value += by;
}

// What waits for the commit, in TopTransactionContext.
struct Pending {
    Pending *next;
    SubTransactionId within;
    Key key;
    uint64 by;
};
Pending *pending;

void at_end(XactEvent event, void *)
{
    if (event == XACT_EVENT_COMMIT && pending) {
        LWLockAcquire(lock, LW_EXCLUSIVE);
        for (const Pending *step = pending; step; step = step->next)
            count(step->key, step->by);
        LWLockRelease(lock);
    }
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
        pending = nullptr;
}

void at_subtransaction_end(SubXactEvent event, SubTransactionId self, SubTransactionId parent, void *)
{
    if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
        return;
    for (Pending **step = &pending; *step;) {
        if ((*step)->within != self) {
            step = &(*step)->next;
        } else if (event == SUBXACT_EVENT_COMMIT_SUB) {
            (*step)->within = parent;
            step = &(*step)->next;
        } else {
            *step = (*step)->next;
        }
    }
}

const char *kind_name(Kind kind)
{
    constexpr const char *names[] = {"request", "answer", "duration", "inbound", "call", "lost"};
    return names[static_cast<int>(kind)];
}

// The counters of this database, copied under the lock.
int copy_all(Counter **copies)
{
    int size = 0;
    LWLockAcquire(lock, LW_SHARED);
    *copies = static_cast<Counter *>(
        palloc(sizeof(Counter) * static_cast<size_t>(hash_get_num_entries(table) + 1)));
    HASH_SEQ_STATUS walk;
    hash_seq_init(&walk, table);
    while (const auto *counter = static_cast<Counter *>(hash_seq_search(&walk)))
        if (counter->key.database == MyDatabaseId)
            (*copies)[size++] = *counter;
    Counter &last = (*copies)[size++];
    memset(static_cast<void *>(&last), 0, sizeof last);
    last.key.kind = Kind::lost;
    last.value = *lost;
    LWLockRelease(lock);
    return size;
}

} // namespace

void request_memory()
{
    former_request = shmem_request_hook;
    shmem_request_hook = request_space;
    former_startup = shmem_startup_hook;
    shmem_startup_hook = start_memory;
}

void add(std::initializer_list<Step> steps)
{
    if (table == nullptr)
        return;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    for (const Step &step : steps)
        if (step.by > 0)
            count(key_of(step), step.by);
    LWLockRelease(lock);
}

void add_at_commit(const Step &step)
{
    static bool hooked = false;
    if (table == nullptr)
        return;
    if (!hooked) {
        RegisterXactCallback(at_end, nullptr);
        RegisterSubXactCallback(at_subtransaction_end, nullptr);
    }
    hooked = true;
    const SubTransactionId within = GetCurrentSubTransactionId();
    const Key key = key_of(step);
    for (Pending *known = pending; known; known = known->next)
        if (known->within == within && memcmp(&known->key, &key, sizeof key) == 0) {
            known->by += step.by;
            return;
        }
    auto *fresh = static_cast<Pending *>(MemoryContextAlloc(TopTransactionContext, sizeof(Pending)));
    *fresh = {pending, within, key, step.by};
    pending = fresh;
}

} // namespace pg::counters

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_counters);

// k2bridge.counters() → setof (kind, name, code, value, minute)
PGDLLEXPORT Datum k2bridge_counters(PG_FUNCTION_ARGS)
{
    using namespace pg::counters;
    InitMaterializedSRF(fcinfo, 0);
    const ReturnSetInfo *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (table == nullptr)
        return (Datum)0;
    Counter *counters;
    const int size = copy_all(&counters);
    for (int i = 0; i < size; ++i) {
        const Counter &counter = counters[i];
        Datum values[] = {CStringGetTextDatum(kind_name(counter.key.kind)),
                          CStringGetTextDatum(counter.key.name), CStringGetTextDatum(counter.key.code),
                          Int64GetDatum(static_cast<int64>(counter.value)),
                          TimestampTzGetDatum(counter.minute * 60 * USECS_PER_SEC)};
        bool nulls[] = {false, false, false, false, counter.key.kind != Kind::inbound};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    return (Datum)0;
}
}
