// What the dispatcher does before its first turn: the lock, what the last one left behind, whether history
// broke.
#include "outbox/dispatcher.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/xlog.h"
#include "storage/lock.h"
}

#include "settings.hpp"

namespace outbox
{

namespace
{

// One dispatcher per database even where two clusters' shared memories do not meet; held until the process
// ends.
bool take_lock()
{
    return pg::call([] {
        LOCKTAG tag;
        SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0x6b32, 0x6272, 2);
        return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
    });
}

void hold_back_money()
{
    static pg::Statement statement(
        R"(
        UPDATE k2bridge.outbox o
           SET state = 'uncertain', verify_at = pg_catalog.clock_timestamp(), parked = false,
               last_error = 'queued before a promotion, recovery or copy of the database: it may have been sent there'
          FROM k2bridge.endpoint e
         WHERE e.name = o.endpoint AND e.delivery = 'at_most_once' AND o.state IN ('queued', 'sending'))");
    static pg::Statement references("SELECT k2.advance_references(10000)");
    pg::run(statement, {});
    pg::run(references, {});
}

// Another system identifier, timeline or database than the last dispatcher's means a promotion, a recovery or
// a copy.
void note_lineage()
{
    static pg::Statement read(
        "SELECT system_identifier, timeline, database::pg_catalog.text FROM k2bridge.lineage");
    static pg::Statement write(
        R"(
        INSERT INTO k2bridge.lineage (system_identifier, timeline, database)
        VALUES ($1, $2, $3)
            ON CONFLICT (singleton) DO UPDATE
           SET system_identifier = $1, timeline = $2, database = $3, at = pg_catalog.clock_timestamp())",
        TEXTOID, TEXTOID, OIDOID);
    pg::call([] {
        const char *system = psprintf(UINT64_FORMAT, GetSystemIdentifier());
        const char *timeline = psprintf("%u", GetWALInsertionTimeLine());
        const char *database = psprintf("%u", MyDatabaseId);
        const bool known = pg::run(read, {}) > 0;
        auto same = [](int column, const char *value) {
            return strcmp(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column), value) == 0;
        };
        if (known && same(1, system) && same(2, timeline) && same(3, database))
            return;
        if (known && !settings::trust_promotion)
            hold_back_money();
        pg::run(write,
                {CStringGetTextDatum(system), CStringGetTextDatum(timeline), ObjectIdGetDatum(MyDatabaseId)});
    });
}

void read_addresses(std::set<std::string> &addresses)
{
    static pg::Statement forget("DELETE FROM k2bridge.server_state");
    static pg::Statement read("SELECT server || ' ' || endpoint || ' ' || url FROM k2bridge.address");
    pg::call([&] {
        pg::run(forget, {});
        const uint64 rows = pg::run(read, {});
        for (uint64 row = 0; row < rows; ++row)
            addresses.insert(SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1));
    });
}

} // namespace

bool Dispatcher::begin()
{
    bool locked = false;
    const auto error = pg::transaction({"starting", InvalidOid, 0}, [this, &locked] {
        locked = take_lock();
        if (!locked)
            return;
        addresses.clear();
        note_lineage();
        queue::settle_interrupted();
        queue::repair_parking();
        read_addresses(addresses);
    });
    if (error)
        throw pg::Error(error->sqlstate, error->message, error->detail, error->hint);
    if (!locked)
        pg::roster::tell_state("another dispatcher holds the lock of this database");
    return locked;
}

} // namespace outbox
