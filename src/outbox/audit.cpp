// k2bridge.audit_changes(): the trigger behind every audited table.
//
// An AFTER statement trigger on INSERT, UPDATE, DELETE or TRUNCATE with its transition tables. Writes one row
// of k2bridge.audit per changed row, in batches: a whole row that came or went, of an update the columns that
// changed. Bytes are told by their number only, so neither files nor secret hashes get into the audit.
// Arguments of the trigger: its own name (owner_trigger's), the key columns, and columns whose change is not
// recorded.
#include "pg/identity.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/detoast.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"
}

namespace outbox
{

namespace
{

constexpr int batch_rows = 500;

// $1 actor, $2 client, $3 correlation, $4 object, $5 action, $6 keys, $7 old, $8 new
pg::Statement
    insert_rows("INSERT INTO k2bridge.audit (actor, client, correlation, object, action, key, old, new)"
                " SELECT $1, $2, $3, $4, $5, r.key, r.old, r.new"
                " FROM ROWS FROM (pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8))"
                " WITH ORDINALITY AS r (key, old, new, position) ORDER BY r.position",
                NAMEOID, NAMEOID, UUIDOID, TEXTOID, TEXTOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID);

struct Column {
    FmgrInfo to_jsonb, output;
    bool present, prepared, recorded;
};

// One statement's work: the table, its columns, and the rows that wait for the next insert.
struct Recorder {
    TupleDesc shape;
    Column *columns;
    int key_columns[8];
    int key_count;
    char *object;
    const char *action;
    MemoryContext batch;
    int rows;
    Datum keys[batch_rows], old_rows[batch_rows], new_rows[batch_rows];
    bool no_old[batch_rows], no_new[batch_rows];
};

// The columns named in a list, separated by commas.
List *named(const char *text)
{
    List *names;
    char *copy = pstrdup(text);
    if (!SplitIdentifierString(copy, ',', &names))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("invalid list of columns: \"%s\"", text));
    return names;
}

int column_of(TupleDesc shape, const char *name)
{
    for (int i = 0; i < shape->natts; ++i)
        if (!TupleDescAttr(shape, i)->attisdropped &&
            strcmp(NameStr(TupleDescAttr(shape, i)->attname), name) == 0)
            return i;
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("audited table has no column \"%s\"", name));
}

const char *action_of(TriggerEvent event)
{
    if (TRIGGER_FIRED_BY_INSERT(event))
        return "insert";
    if (TRIGGER_FIRED_BY_UPDATE(event))
        return "update";
    return TRIGGER_FIRED_BY_DELETE(event) ? "delete" : "truncate";
}

Recorder *prepare(const TriggerData *trigger)
{
    Recorder *recorder = static_cast<Recorder *>(palloc0(sizeof(Recorder)));
    const Relation table = trigger->tg_relation;
    recorder->shape = RelationGetDescr(table);
    recorder->columns =
        static_cast<Column *>(palloc0(sizeof(Column) * static_cast<size_t>(recorder->shape->natts)));
    for (int i = 0; i < recorder->shape->natts; ++i) {
        recorder->columns[i].present = !TupleDescAttr(recorder->shape, i)->attisdropped;
        recorder->columns[i].recorded = recorder->columns[i].present;
    }
    char **args = trigger->tg_trigger->tgargs;
    ListCell *cell;
    foreach (cell, named(trigger->tg_trigger->tgnargs > 1 ? args[1] : ""))
        if (recorder->key_count < static_cast<int>(lengthof(recorder->key_columns)))
            recorder->key_columns[recorder->key_count++] =
                column_of(recorder->shape, static_cast<const char *>(lfirst(cell)));
    foreach (cell, named(trigger->tg_trigger->tgnargs > 2 ? args[2] : ""))
        recorder->columns[column_of(recorder->shape, static_cast<const char *>(lfirst(cell)))].recorded =
            false;
    recorder->object =
        psprintf("%s.%s", get_namespace_name(RelationGetNamespace(table)), RelationGetRelationName(table));
    recorder->action = action_of(trigger->tg_event);
    recorder->batch = AllocSetContextCreate(CurrentMemoryContext, "k2bridge audit", ALLOCSET_DEFAULT_SIZES);
    return recorder;
}

// to_jsonb asks for the type of its argument by the expression it was called with.
void prepare_column(Recorder *recorder, int i)
{
    Column *column = &recorder->columns[i];
    if (column->prepared)
        return;
    const MemoryContext before = MemoryContextSwitchTo(MemoryContextGetParent(recorder->batch));
    const Form_pg_attribute attribute = TupleDescAttr(recorder->shape, i);
    Param *value = makeNode(Param);
    value->paramkind = PARAM_EXTERN;
    value->paramtype = attribute->atttypid;
    value->paramtypmod = attribute->atttypmod;
    value->paramcollid = attribute->attcollation;
    fmgr_info(F_TO_JSONB, &column->to_jsonb);
    fmgr_info_set_expr(reinterpret_cast<Node *>(makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(value),
                                                             InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL)),
                       &column->to_jsonb);
    Oid output;
    bool varlena;
    getTypeOutputInfo(attribute->atttypid, &output, &varlena);
    fmgr_info(output, &column->output);
    column->prepared = true;
    MemoryContextSwitchTo(before);
}

void push_text(JsonbParseState **state, JsonbIteratorToken token, char *text)
{
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = text;
    value.val.string.len = static_cast<int>(strlen(text));
    pushJsonbValue(state, token, &value);
}

void push_column(JsonbParseState **state, Recorder *recorder, int i, Datum datum, bool null)
{
    const Form_pg_attribute attribute = TupleDescAttr(recorder->shape, i);
    push_text(state, WJB_KEY, NameStr(attribute->attname));
    JsonbValue value;
    if (null) {
        value.type = jbvNull;
        pushJsonbValue(state, WJB_VALUE, &value);
        return;
    }
    if (attribute->atttypid == BYTEAOID) {
        push_text(state, WJB_VALUE,
                  psprintf("%zu bytes", static_cast<size_t>(toast_raw_datum_size(datum)) - VARHDRSZ));
        return;
    }
    prepare_column(recorder, i);
    Jsonb *made = DatumGetJsonbP(FunctionCall1(&recorder->columns[i].to_jsonb, datum));
    if (!JsonbExtractScalar(&made->root, &value)) {
        value.type = jbvBinary;
        value.val.binary.data = &made->root;
        value.val.binary.len = static_cast<int>(VARSIZE(made) - VARHDRSZ);
    }
    pushJsonbValue(state, WJB_VALUE, &value);
}

bool differs(const Recorder *recorder, int i, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
    if (old_row->tts_isnull[i] || new_row->tts_isnull[i])
        return old_row->tts_isnull[i] != new_row->tts_isnull[i];
    const Form_pg_attribute attribute = TupleDescAttr(recorder->shape, i);
    return !datum_image_eq(old_row->tts_values[i], new_row->tts_values[i], attribute->attbyval,
                           attribute->attlen);
}

// The row as an object; beside another version of it only the recorded columns in which they differ.
Datum object_of(Recorder *recorder, TupleTableSlot *row, TupleTableSlot *other)
{
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    for (int i = 0; i < recorder->shape->natts; ++i)
        if (recorder->columns[i].present &&
            (other == nullptr || (recorder->columns[i].recorded && differs(recorder, i, row, other))))
            push_column(&state, recorder, i, row->tts_values[i], row->tts_isnull[i]);
    return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
}

Datum key_of(Recorder *recorder, TupleTableSlot *row)
{
    StringInfoData key;
    initStringInfo(&key);
    for (int k = 0; k < recorder->key_count; ++k) {
        const int i = recorder->key_columns[k];
        prepare_column(recorder, i);
        if (k > 0)
            appendStringInfoChar(&key, ' ');
        if (!row->tts_isnull[i])
            appendStringInfoString(&key,
                                   OutputFunctionCall(&recorder->columns[i].output, row->tts_values[i]));
    }
    return CStringGetTextDatum(key.data);
}

Datum array_of(Datum *values, bool *nulls, int count, Oid type)
{
    int dims[] = {count}, bounds[] = {1};
    return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, type, -1, false, TYPALIGN_INT));
}

void flush(Recorder *recorder)
{
    if (recorder->rows == 0)
        return;
    const MemoryContext before = MemoryContextSwitchTo(recorder->batch);
    NameData actor, client;
    namestrcpy(&actor, GetUserNameFromId(pg::caller(), false));
    namestrcpy(&client, pg::api_client() ? pg::api_client() : "");
    pg_uuid_t story = pg::correlation();
    const bool keyless = recorder->key_count == 0 || strcmp(recorder->action, "truncate") == 0;
    bool no_key[batch_rows];
    memset(no_key, keyless, sizeof no_key);
    SPI_connect();
    pg::run(insert_rows,
            {NameGetDatum(&actor), NameGetDatum(&client), UUIDPGetDatum(&story),
             CStringGetTextDatum(recorder->object), CStringGetTextDatum(recorder->action),
             array_of(recorder->keys, no_key, recorder->rows, TEXTOID),
             array_of(recorder->old_rows, recorder->no_old, recorder->rows, JSONBOID),
             array_of(recorder->new_rows, recorder->no_new, recorder->rows, JSONBOID)},
            pg::api_client() ? "        " : " n      ");
    SPI_finish();
    MemoryContextSwitchTo(before);
    MemoryContextReset(recorder->batch);
    recorder->rows = 0;
}

// Either version may be missing; both missing is a TRUNCATE.
void record(Recorder *recorder, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
    const MemoryContext before = MemoryContextSwitchTo(recorder->batch);
    const int at = recorder->rows++;
    TupleTableSlot *const row = new_row ? new_row : old_row;
    recorder->keys[at] = row ? key_of(recorder, row) : 0;
    recorder->no_old[at] = old_row == nullptr;
    recorder->old_rows[at] = old_row ? object_of(recorder, old_row, new_row) : 0;
    recorder->no_new[at] = new_row == nullptr;
    recorder->new_rows[at] = new_row ? object_of(recorder, new_row, old_row) : 0;
    MemoryContextSwitchTo(before);
    if (recorder->rows == batch_rows)
        flush(recorder);
}

bool changed(const Recorder *recorder, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
    for (int i = 0; i < recorder->shape->natts; ++i)
        if (recorder->columns[i].recorded && differs(recorder, i, old_row, new_row))
            return true;
    return false;
}

// A reader of a transition table from its begin; other triggers of the statement have readers of their own.
struct Reader {
    Tuplestorestate *rows;
    TupleTableSlot *slot;
    int pointer;
};

Reader open(Tuplestorestate *rows, TupleDesc shape)
{
    Reader reader = {rows, nullptr, 0};
    if (rows != nullptr) {
        reader.slot = MakeSingleTupleTableSlot(shape, &TTSOpsMinimalTuple);
        reader.pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
        tuplestore_select_read_pointer(rows, reader.pointer);
        tuplestore_rescan(rows);
    }
    return reader;
}

TupleTableSlot *next(const Reader &reader)
{
    if (reader.rows == nullptr)
        return nullptr;
    tuplestore_select_read_pointer(reader.rows, reader.pointer);
    if (!tuplestore_gettupleslot(reader.rows, true, false, reader.slot))
        return nullptr;
    slot_getallattrs(reader.slot);
    return reader.slot;
}

// The server puts the old and the new version of a row into their tables at the same moment, so that the two
// tables run in parallel.
void record_all(Recorder *recorder, const TriggerData *trigger)
{
    const bool update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
    const Reader old_rows = open(trigger->tg_oldtable, recorder->shape);
    const Reader new_rows = open(trigger->tg_newtable, recorder->shape);
    for (;;) {
        TupleTableSlot *old_row = next(old_rows), *new_row = next(new_rows);
        if (old_row == nullptr && new_row == nullptr)
            break;
        if (!update || changed(recorder, old_row, new_row))
            record(recorder, old_row, new_row);
        CHECK_FOR_INTERRUPTS();
    }
    if (old_rows.slot)
        ExecDropSingleTupleTableSlot(old_rows.slot);
    if (new_rows.slot)
        ExecDropSingleTupleTableSlot(new_rows.slot);
}

} // namespace

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_audit_changes);

// k2bridge.audit_changes() → trigger
PGDLLEXPORT Datum k2bridge_audit_changes(PG_FUNCTION_ARGS)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("k2bridge.audit_changes was not called by trigger manager"));
    const TriggerData *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    const bool truncate = TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event);
    const bool tables = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? trigger->tg_newtable != nullptr
                        : TRIGGER_FIRED_BY_DELETE(trigger->tg_event)
                            ? trigger->tg_oldtable != nullptr
                            : trigger->tg_oldtable && trigger->tg_newtable;
    if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
        (!truncate && !tables))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("k2bridge.audit_changes must be fired after a statement, with its transition tables"));
    outbox::Recorder *recorder = outbox::prepare(trigger);
    if (truncate)
        outbox::record(recorder, nullptr, nullptr);
    else
        outbox::record_all(recorder, trigger);
    outbox::flush(recorder);
    MemoryContextDelete(recorder->batch);
    return PointerGetDatum(nullptr);
}
}
