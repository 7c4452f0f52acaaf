// See database_settings.hpp.
#include "pg/database_settings.hpp"
#include "pg/compat.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_db_role_setting.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace pg
{

namespace
{

// Which version of the row of pg_db_role_setting was applied last; all zero: no row.
struct Version {
    ItemPointerData place;
    TransactionId writer;
};

bool same(const Version &a, const Version &b)
{
    return a.writer == b.writer &&
           ItemPointerEquals(const_cast<ItemPointer>(&a.place), const_cast<ItemPointer>(&b.place));
}

// The row of this database and all roles; `names` becomes the settings in it.
Version read_row(Relation catalog, List **names)
{
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(MyDatabaseId));
    ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(InvalidOid));
    SysScanDesc scan = systable_beginscan(catalog, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
    Version version = {};
    const HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        version = {tuple->t_self, HeapTupleHeaderGetXmin(tuple->t_data)};
        bool null;
        const Datum settings =
            heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(catalog), &null);
        Datum *entries = nullptr;
        int count = 0;
        if (!null)
            deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT, &entries,
                              nullptr, &count);
        for (int i = 0; i < count; ++i) {
            char *name = TextDatumGetCString(entries[i]);
            name[strcspn(name, "=")] = '\0';
            *names = lappend(*names, name);
        }
    }
    systable_endscan(scan);
    return version;
}

bool contains(List *names, const char *name)
{
    ListCell *cell;
    foreach (cell, names)
        if (pg_strcasecmp(static_cast<const char *>(lfirst(cell)), name) == 0)
            return true;
    return false;
}

// Puts settings that came from the database and are no longer there back to what the configuration file says.
// Their source is lowered first: nothing may override a setting from a stronger source.
void forget_removed(List *names)
{
    bool removed = false;
    int count;
    struct config_generic **all = settings(&count);
    for (int i = 0; i < count; ++i) {
        struct config_generic *setting = all[i];
        if (setting->source != PGC_S_DATABASE || contains(names, setting->name))
            continue;
        setting->source = setting->reset_source = PGC_S_DEFAULT;
        set_config_option(setting->name, nullptr, PGC_SUSET, PGC_S_DEFAULT, GUC_ACTION_SET, true, 0, false);
        removed = true;
    }
    if (removed)
        ProcessConfigFile(PGC_SIGHUP);
}

} // namespace

bool take_up_database_settings()
{
    static Version applied;
    List *names = NIL;
    Relation catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
    const Version found = read_row(catalog, &names);
    const bool changed = !same(found, applied);
    if (changed) {
        Snapshot snapshot = RegisterSnapshot(GetCatalogSnapshot(DbRoleSettingRelationId));
        forget_removed(names);
        ApplySetting(snapshot, MyDatabaseId, InvalidOid, catalog, PGC_S_DATABASE);
        UnregisterSnapshot(snapshot);
    }
    applied = found;
    table_close(catalog, AccessShareLock);
    return changed;
}

} // namespace pg
