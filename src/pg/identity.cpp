// The door, the owner trigger, the caller and the correlation (see identity.hpp).
#include "pg/identity.hpp"
#include "pg/compat.hpp"
#include "pg/guard.hpp"
#include "pg/version.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "parser/parse_func.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace pg
{

namespace
{

Oid caller_role = InvalidOid; // valid only inside a door
char client_name[NAMEDATALEN] = "";

struct Story {
    bool known;
    bool hooked;
    pg_uuid_t id;
} story;

void forget_story(XactEvent event, void *)
{
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
        story.known = false;
}

void hook_story()
{
    if (!story.hooked)
        RegisterXactCallback(forget_story, nullptr);
    story.hooked = true;
}

// What a door or an owner trigger remembers between calls: the function behind it.
struct Behind {
    Oid owner;
    FmgrInfo function;
};

// Calls the function behind with the caller's arguments, as `owner`.
Datum pass(FunctionCallInfo fcinfo, FmgrInfo *function, Oid owner)
{
    return entry([=]() -> Datum {
        CallerScope keep_caller(caller());
        UserScope as_owner(owner);
        FmgrInfo *const outer = fcinfo->flinfo;
        Datum result = 0;
        try {
            result = call([=] {
                fcinfo->flinfo = function;
                return FunctionCallInvoke(fcinfo);
            });
        } catch (...) {
            fcinfo->flinfo = outer;
            throw;
        }
        fcinfo->flinfo = outer;
        return result;
    });
}

Behind *remember(FmgrInfo *outer, Oid function, Oid owner)
{
    Behind *behind = static_cast<Behind *>(MemoryContextAllocZero(outer->fn_mcxt, sizeof(Behind)));
    fmgr_info_cxt(function, &behind->function, outer->fn_mcxt);
    behind->function.fn_expr = outer->fn_expr;
    behind->owner = owner;
    outer->fn_extra = behind;
    return behind;
}

// Services and calls stop while library, functions and tables are not of one version. Looked at once a second
// at most; the operations of schema k2bridge go on, they are needed to mend it.
void require_version(Oid owner)
{
    static TimestampTz agreed_at = 0;
    if (GetCurrentTimestamp() - agreed_at < USECS_PER_SEC)
        return;
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
    SPI_connect();
    const VersionTrouble trouble = version_trouble();
    if (trouble.message != nullptr)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", trouble.message),
                errhint("%s", trouble.hint));
    SPI_finish();
    SetUserIdAndSecContext(user, context);
    agreed_at = GetCurrentTimestamp();
}

void require_member(Oid function)
{
    const Oid extension = getExtensionOfObject(ProcedureRelationId, function);
    if (!OidIsValid(extension) || extension != get_extension_oid("k2bridge", true))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("function %s is not a member of extension k2bridge", format_procedure(function)));
}

} // namespace

Oid caller()
{
    return OidIsValid(caller_role) ? caller_role : GetUserId();
}

Oid tables_owner()
{
    const Oid schema = get_namespace_oid("k2bridge", true);
    const Oid table = OidIsValid(schema) ? get_relname_relid("outbox", schema) : InvalidOid;
    HeapTuple tuple = OidIsValid(table) ? SearchSysCache1(RELOID, ObjectIdGetDatum(table)) : nullptr;
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("the tables of k2bridge do not exist"), errhint("Run: SELECT k2bridge.setup();"));
    const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

CallerScope::CallerScope(Oid role) : before(caller_role)
{
    caller_role = role;
}
CallerScope::~CallerScope()
{
    caller_role = before;
}

UserScope::UserScope(Oid role)
{
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE);
}
UserScope::~UserScope()
{
    SetUserIdAndSecContext(user, context);
}

pg_uuid_t correlation()
{
    if (!story.known) {
        hook_story();
        story.id = *DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid, 0));
        story.known = true;
    }
    return story.id;
}

void set_correlation(const pg_uuid_t &id)
{
    hook_story();
    story.id = id;
    story.known = true;
}

const char *api_client()
{
    return client_name[0] ? client_name : nullptr;
}
void set_api_client(const char *name)
{
    strlcpy(client_name, name ? name : "", sizeof client_name);
}

} // namespace pg

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_door);
PG_FUNCTION_INFO_V1(k2bridge_owner_trigger);
PG_FUNCTION_INFO_V1(k2bridge_caller);
PG_FUNCTION_INFO_V1(k2bridge_client);
PG_FUNCTION_INFO_V1(k2bridge_correlation);

// A public function whose work is done, as the owner of the tables, by the member function "<name>_as_owner"
// of the same schema and arguments. EXECUTE on the door is all a role needs.
PGDLLEXPORT Datum k2bridge_door(PG_FUNCTION_ARGS)
{
    pg::Behind *behind = static_cast<pg::Behind *>(fcinfo->flinfo->fn_extra);
    if (behind == nullptr) {
        const Oid self = fcinfo->flinfo->fn_oid;
        Oid *types;
        int count;
        get_func_signature(self, &types, &count);
        List *name = list_make2(makeString(get_namespace_name(get_func_namespace(self))),
                                makeString(psprintf("%s_as_owner", get_func_name(self))));
        const Oid inner = LookupFuncName(name, count, types, false);
        pg::require_member(inner);
        behind = pg::remember(fcinfo->flinfo, inner, pg::tables_owner());
        if (get_func_namespace(self) != get_namespace_oid("k2bridge", false))
            pg::require_version(behind->owner);
    }
    // An argument of type name would give all text behind the door collation "C", which no index has.
    fcinfo->fncollation = DEFAULT_COLLATION_OID;
    return pg::pass(fcinfo, &behind->function, behind->owner);
}

// Trigger: runs the member function named by its first argument as the owner of the table.
PGDLLEXPORT Datum k2bridge_owner_trigger(PG_FUNCTION_ARGS)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("k2bridge.owner_trigger was not called by trigger manager"));
    TriggerData *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    pg::Behind *behind = static_cast<pg::Behind *>(fcinfo->flinfo->fn_extra);
    if (behind == nullptr) {
        if (trigger->tg_trigger->tgnargs < 1)
            ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("k2bridge.owner_trigger needs the name of a trigger function"));
        const Oid owner = trigger->tg_relation->rd_rel->relowner;
        List *name = pg::name_parts(trigger->tg_trigger->tgargs[0]);
        // Who may write the table need not have USAGE on the schema of the function.
        Oid user;
        int context;
        GetUserIdAndSecContext(&user, &context);
        SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
        const Oid inner = LookupFuncName(name, 0, nullptr, false);
        SetUserIdAndSecContext(user, context);
        pg::require_member(inner);
        behind = pg::remember(fcinfo->flinfo, inner, owner);
    }
    return pg::pass(fcinfo, &behind->function, behind->owner);
}

PGDLLEXPORT Datum k2bridge_caller(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    return DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(pg::caller(), false)));
}

PGDLLEXPORT Datum k2bridge_client(PG_FUNCTION_ARGS)
{
    if (pg::api_client() == nullptr)
        PG_RETURN_NULL();
    return DirectFunctionCall1(namein, CStringGetDatum(pg::api_client()));
}

PGDLLEXPORT Datum k2bridge_correlation(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    pg_uuid_t *copy = static_cast<pg_uuid_t *>(palloc(sizeof(pg_uuid_t)));
    *copy = pg::correlation();
    PG_RETURN_UUID_P(copy);
}
}
