// The launcher: keeps the workers of every listed database running. It has no database of its own and reads
// nothing but pg_database. A worker that stopped is started again after a pause that grows; one that found no
// extension is started again every few seconds, or when k2bridge.setup() announces it.
#include "pg/worker.hpp"

#include <algorithm>
#include <list>

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "postmaster/bgworker.h"
}

namespace schedule
{

namespace
{

using pg::Worker;

struct Kind {
    Worker worker;
    const char *type;     // backend_type
    const char *function; // entry point
};

// The first one probes: the others start once it has found the extension and its tables.
constexpr Kind kinds[] = {{Worker::scheduler, "k2bridge scheduler", "k2bridge_scheduler_main"},
                          {Worker::dispatcher, "k2bridge dispatcher", "k2bridge_dispatcher_main"}};
// As many as k2bridge.listeners says, where the database has a k2bridge.listen_port.
constexpr Kind listener_kind = {Worker::listener, "k2bridge listener", "k2bridge_listener_main"};

constexpr int64 second = USECS_PER_SEC;
constexpr int64 longest_pause = 60 * second, good_run = 60 * second, probe_interval = 5 * second;

constexpr const char *no_slot = "no free background worker slot for the workers of k2bridge";
constexpr const char *more_slots = "Increase max_worker_processes.";

// A listed database that exists and takes connections. Plain data: made by server code.
struct Database {
    Oid oid;
    NameData name;
    bool wanted; // somebody waits for its lock: start nothing now
};

// One worker that shall run.
struct Place {
    Oid database;
    const Kind *kind;
    int index = 0;
    BackgroundWorkerHandle *handle = nullptr; // null: not started by this launcher, or stopped
    bool living = false;
    bool probed = true;   // false: the last one found no extension
    bool refused = false; // no slot was free; the log says so when this happens to the first place
    TimestampTz started = 0, not_before = 0;
    int64 pause = 0;
};

// Reads pg_database; `missing` becomes the first listed name without a database. Inside a transaction; the
// list is allocated in `memory`.
List *read_databases(MemoryContext memory, char *missing)
{
    List *found = NIL, *names = pg::listed_databases();
    Relation catalog = table_open(DatabaseRelationId, AccessShareLock);
    TableScanDesc scan = table_beginscan_catalog(catalog, 0, nullptr);
    while (HeapTuple tuple = heap_getnext(scan, ForwardScanDirection)) {
        const Form_pg_database row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
        ListCell *cell;
        foreach (cell, names) {
            if (strcmp(static_cast<const char *>(lfirst(cell)), NameStr(row->datname)) != 0)
                continue;
            names = foreach_delete_current(names, cell);
            // datconnlimit -2 marks a database whose DROP was interrupted.
            if (!row->datallowconn || row->datistemplate || row->datconnlimit == -2)
                break;
            const MemoryContext before = MemoryContextSwitchTo(memory);
            Database *database = static_cast<Database *>(palloc(sizeof(Database)));
            *database = {row->oid, row->datname, false};
            found = lappend(found, database);
            MemoryContextSwitchTo(before);
            break;
        }
    }
    table_endscan(scan);
    table_close(catalog, AccessShareLock);
    ListCell *cell;
    foreach (cell, found) {
        Database *database = static_cast<Database *>(lfirst(cell));
        database->wanted = pg::database_wanted(database->oid);
    }
    strlcpy(missing, names == NIL ? "" : static_cast<const char *>(linitial(names)), NAMEDATALEN);
    return found;
}

// Registers one dynamic worker; null when no slot is free.
BackgroundWorkerHandle *start_process(const Place &place, const char *database)
{
    BackgroundWorker worker = {};
    snprintf(worker.bgw_name, sizeof worker.bgw_name, "%s for %s", place.kind->type, database);
    strlcpy(worker.bgw_type, place.kind->type, sizeof worker.bgw_type);
    strlcpy(worker.bgw_library_name, "k2bridge", sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, place.kind->function, sizeof worker.bgw_function_name);
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    worker.bgw_main_arg = ObjectIdGetDatum(place.database);
    memcpy(worker.bgw_extra, &place.index, sizeof place.index);
    worker.bgw_notify_pid = MyProcPid;
    BackgroundWorkerHandle *handle = nullptr;
    const MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
    const bool registered = RegisterDynamicBackgroundWorker(&worker, &handle);
    MemoryContextSwitchTo(before);
    return registered ? handle : nullptr;
}

class Launcher : public pg::Work
{
public:
    long turn() override
    {
        now = GetCurrentTimestamp();
        char missing[NAMEDATALEN];
        List *databases = find_databases(missing);
        look_at_announcements();
        for (Place &place : places)
            observe(place);
        for (int i = 0; i < list_length(databases); ++i)
            serve(*static_cast<Database *>(list_nth(databases, i)));
        forget_stopped(databases);
        tell(missing);
        return until_next();
    }

    pg::Stay look() override { return pg::Stay::work; }

private:
    List *find_databases(char *missing)
    {
        const MemoryContext here = CurrentMemoryContext;
        List *databases = NIL;
        const std::optional<pg::CaughtError> error =
            pg::transaction({nullptr, BOOTSTRAP_SUPERUSERID}, [&databases, here, missing] {
                databases = pg::call([=] { return read_databases(here, missing); });
            });
        if (error)
            pg::raise(*error);
        return databases;
    }

    void look_at_announcements()
    {
        const uint32 count = pg::roster::announcements();
        if (count == seen)
            return;
        seen = count;
        for (Place &place : places)
            if (!place.probed)
                place.not_before = 0;
    }

    // What became of the worker. One that an earlier launcher started has no handle and is known by the
    // roster alone.
    void observe(Place &place)
    {
        pg::RosterEntry entry;
        const bool known = pg::call(
            [&] { return pg::roster::find(place.database, place.kind->worker, place.index, &entry); });
        bool living = known && entry.pid != 0;
        if (place.handle && !living) {
            pid_t pid;
            living = pg::call([&] { return GetBackgroundWorkerPid(place.handle, &pid); }) != BGWH_STOPPED;
        }
        if (living) {
            place.probed = place.probed || (known && entry.pid != 0 && entry.state[0] != '\0');
            if (!place.living)
                place.started = known && entry.pid != 0 ? entry.started : now;
        } else if (place.living) {
            stopped(place, known && entry.started >= place.started ? entry.left : pg::Left::unexpectedly);
        }
        place.living = living;
    }

    void stopped(Place &place, pg::Left why)
    {
        if (place.handle)
            pfree(place.handle);
        place.handle = nullptr;
        place.probed = why != pg::Left::nothing_here;
        if (why == pg::Left::unexpectedly)
            place.pause =
                now - place.started >= good_run ? second : std::clamp(place.pause * 2, second, longest_pause);
        else
            place.pause = 0;
        place.not_before = now + (!place.probed ? probe_interval : std::max(place.pause, second));
    }

    Place &place_of(Oid database, const Kind &kind, int index = 0)
    {
        for (Place &place : places)
            if (place.database == database && place.kind == &kind && place.index == index)
                return place;
        places.push_back({database, &kind, index});
        observe(places.back());
        return places.back();
    }

    // A clock that was set back must not make the pause longer.
    bool pausing(const Place &place) const
    {
        return now < place.not_before && place.not_before - now <= longest_pause;
    }

    // Starts what shall run in this database and does not.
    void serve(const Database &database)
    {
        const Place &probe = place_of(database.oid, kinds[0]);
        for (const Kind &kind : kinds)
            start_if_due(place_of(database.oid, kind), probe, database);
        const int listeners = wanted_listeners(database.oid);
        for (int index = 0; index < listeners; ++index)
            start_if_due(place_of(database.oid, listener_kind, index), probe, database);
    }

    // As the scheduler last read in the settings of its database, which are out of reach without one.
    static int wanted_listeners(Oid database)
    {
        pg::RosterEntry entry;
        const bool known = pg::call([&] { return pg::roster::find(database, Worker::scheduler, 0, &entry); });
        return known ? entry.listeners : 0;
    }

    void start_if_due(Place &place, const Place &probe, const Database &database)
    {
        const bool waits_for_probe = !place.probed && &place != &probe;
        const bool due = waits_for_probe ? probe.living && probe.probed : !pausing(place);
        if (due && !place.living && !database.wanted)
            start(place, NameStr(database.name));
    }

    void start(Place &place, const char *database)
    {
        place.handle = pg::call([&] { return start_process(place, database); });
        if (place.handle) {
            place.living = true;
            place.started = now;
        } else {
            place.not_before = now + second;
            if (!slots_missing() && !recently_said())
                pg::call([] {
                    ereport(WARNING, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED), errmsg("%s", no_slot),
                            errhint("%s", more_slots));
                });
        }
        place.refused = place.handle == nullptr;
    }

    void forget_stopped(const List *databases)
    {
        places.remove_if([databases](const Place &place) {
            for (int i = 0; i < list_length(databases); ++i)
                if (static_cast<Database *>(list_nth(databases, i))->oid == place.database)
                    return false;
            return !place.living;
        });
    }

    bool slots_missing() const
    {
        return std::any_of(places.begin(), places.end(), [](const Place &place) { return place.refused; });
    }

    // Says in k2bridge.status what keeps workers from running.
    void tell(const char *missing) const
    {
        if (slots_missing())
            pg::roster::tell_error(no_slot, more_slots);
        else if (*missing)
            pg::roster::tell_error(("database \"" + std::string(missing) + "\" does not exist").c_str(),
                                   "Correct k2bridge.databases, or create it.");
        else
            pg::roster::tell_error(nullptr);
    }

    long until_next() const
    {
        long next = -1;
        for (const Place &place : places)
            if (!place.living && pausing(place)) {
                const long ms = static_cast<long>((place.not_before - now) / 1000) + 1;
                next = next < 0 ? ms : std::min(next, ms);
            }
        return next;
    }

    // Workers that take turns in the last free slot would have it said every second.
    bool recently_said()
    {
        const bool recently = said_at != 0 && now - said_at < longest_pause && now >= said_at;
        if (!recently)
            said_at = now;
        return recently;
    }

    std::list<Place> places;
    TimestampTz now = 0, said_at = 0;
    uint32 seen = 0;
};

} // namespace

} // namespace schedule

extern "C" {
PGDLLEXPORT void k2bridge_launcher_main(Datum argument);

PGDLLEXPORT void k2bridge_launcher_main(Datum argument)
{
    if (pg::start_worker(pg::Worker::launcher, argument))
        pg::entry([] {
            schedule::Launcher launcher;
            pg::run_loop(launcher);
        });
    proc_exit(1);
}
}
