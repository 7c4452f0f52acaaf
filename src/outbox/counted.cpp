// Counts finished calls by endpoint and outcome, whoever writes them (history.tables.sql).
#include "pg/counters.hpp"

extern "C" {
#include "commands/trigger.h"

PG_FUNCTION_INFO_V1(k2bridge_call_counted);

// Trigger: k2bridge.call_counted(), AFTER INSERT of a row of k2bridge.call.
PGDLLEXPORT Datum k2bridge_call_counted(PG_FUNCTION_ARGS)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("k2bridge.call_counted was not called by trigger manager"));
    const TriggerData *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    const TupleDesc shape = RelationGetDescr(trigger->tg_relation);
    const char *endpoint = SPI_getvalue(trigger->tg_trigtuple, shape, SPI_fnumber(shape, "endpoint"));
    const char *outcome = SPI_getvalue(trigger->tg_trigtuple, shape, SPI_fnumber(shape, "outcome"));
    if (endpoint && outcome)
        pg::counters::add_at_commit({pg::counters::Kind::call, endpoint, outcome});
    return PointerGetDatum(nullptr);
}
}
