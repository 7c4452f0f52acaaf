// Differences between the server's major versions, 15 to 18: the only file of the sources that asks which it
// is. Each function does on every version what its comment says; the errors are PostgreSQL's own.
#pragma once

#include "pg/pg.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "utils/guc_tables.h"
#include "utils/regproc.h"
}

// What a library says of itself; since 18 its name and version too (pg_get_loaded_modules()).
#if PG_VERSION_NUM >= 180000
#define K2BRIDGE_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "k2bridge", .version = K2BRIDGE_VERSION)
#else
#define K2BRIDGE_MODULE_MAGIC PG_MODULE_MAGIC
#endif

namespace pg
{

// Whether `role` may execute the function.
inline bool may_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
    return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

// The parts of a dotted name; raises 42602 when it is none.
inline List *name_parts(const char *name)
{
#if PG_VERSION_NUM >= 160000
    return stringToQualifiedNameList(name, nullptr);
#else
    return stringToQualifiedNameList(name);
#endif
}

// Every setting of this process; `count` becomes their number.
inline struct config_generic **settings(int *count)
{
#if PG_VERSION_NUM >= 160000
    return get_guc_variables(count);
#else
    *count = GetNumConfigOptions();
    return get_guc_variables();
#endif
}

} // namespace pg
