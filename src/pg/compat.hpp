// Differences between the server's major versions, in one place.
#pragma once

#include "pg/pg.hpp"

extern "C" {
#include "catalog/pg_proc.h"
}

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

} // namespace pg
