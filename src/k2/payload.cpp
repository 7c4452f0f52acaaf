// Reading the batches that К2 receives (payload.hpp): items, order, rows.
#include "k2/payload.hpp"
#include "k2/payload_value.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/tuplestore.h"
}

#include <algorithm>

namespace k2
{

namespace
{

constexpr int leading_columns = 4; // position, error_code, error_text, extra

struct Item {
    int position;
    int error;
    text *error_text;
    Jsonb *extra;
    Datum *values; // one per field
    bool *nulls;
};

// UTF-8 of the sources → text in the encoding of the database.
text *server_text(const char *utf8)
{
    return cstring_to_text(pg_any_to_server(utf8, static_cast<int>(strlen(utf8)), PG_UTF8));
}

void refuse(Item &item, int code, const char *utf8)
{
    item.error = code;
    item.error_text = server_text(utf8);
}

void refuse_empty(Item &item, const Field &field)
{
    refuse(item, 422, psprintf("Не заполнено поле %s", pnstrdup(field.key.data(), field.key.size())));
}

// Index of the field with that key, or -1.
int find_field(const Batch &batch, const JsonbValue &key)
{
    const std::string_view wanted{key.val.string.val, static_cast<size_t>(key.val.string.len)};
    for (int i = 0; i < batch.count; ++i)
        if (batch.fields[i].key == wanted)
            return i;
    return -1;
}

// One pass over the object: the value of each field of the table, the other keys gathered in extra.
void gather(Item &item, const Batch &batch, JsonbContainer *object, JsonbValue *found)
{
    JsonbIterator *walk = JsonbIteratorInit(object);
    JsonbParseState *others = nullptr;
    JsonbValue key, value;
    (void)JsonbIteratorNext(&walk, &key, true);
    while (JsonbIteratorNext(&walk, &key, true) == WJB_KEY) {
        (void)JsonbIteratorNext(&walk, &value, true);
        const int field = find_field(batch, key);
        if (field >= 0) {
            found[field] = value;
            continue;
        }
        if (others == nullptr)
            pushJsonbValue(&others, WJB_BEGIN_OBJECT, nullptr);
        pushJsonbValue(&others, WJB_KEY, &key);
        pushJsonbValue(&others, WJB_VALUE, &value);
    }
    if (others != nullptr)
        item.extra = JsonbValueToJsonb(pushJsonbValue(&others, WJB_END_OBJECT, nullptr));
}

void read_item(Item &item, const Batch &batch, const Bounds &bounds, const JsonbValue &json,
               JsonbValue *found)
{
    if (json.type != jbvBinary || !JsonContainerIsObject(json.val.binary.data)) {
        refuse(item, 400, "Элемент не является объектом");
        return;
    }
    for (int i = 0; i < batch.count; ++i)
        found[i].type = jbvNull;
    gather(item, batch, json.val.binary.data, found);
    for (int i = 0; i < batch.count; ++i) {
        const Field &field = batch.fields[i];
        const Value value = read_value(field, batch.iin_length, bounds, found[i]);
        if (value.error != 0)
            refuse(item, value.error,
                   value.named
                       ? psprintf("Поле %s: %s", pnstrdup(field.key.data(), field.key.size()), value.text)
                       : value.text);
        else if (value.null && field.required)
            refuse_empty(item, field);
        if (item.error != 0)
            return;
        item.values[i] = value.datum;
        item.nulls[i] = value.null;
    }
}

int compare_text(Datum left, Datum right)
{
    const text *a = DatumGetTextPP(left), *b = DatumGetTextPP(right);
    const std::string_view x{VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a)}, y{VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b)};
    return x.compare(y);
}

// The function's fourth argument: values of one field with which another must be filled.
struct Demanding {
    Datum *values = nullptr;
    int count = 0;
};

Demanding demanding(FunctionCallInfo fcinfo)
{
    Demanding out;
    if (PG_NARGS() > 3 && !PG_ARGISNULL(3))
        deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT, &out.values, nullptr,
                          &out.count);
    return out;
}

void check_demand(Item &item, const Batch &batch, const Demanding &demanding)
{
    const auto [needed, where] = batch.demand;
    if (needed < 0 || item.error != 0 || !item.nulls[needed] || item.nulls[where])
        return;
    for (int i = 0; i < demanding.count; ++i)
        if (compare_text(item.values[where], demanding.values[i]) == 0)
            return refuse_empty(item, batch.fields[needed]);
}

// Order of two good items by key; 0 when they name the same object. A null key sorts first.
int compare_keys(const Batch &batch, const Item &left, const Item &right)
{
    for (int i = 0; i < batch.key_count; ++i) {
        const int key = batch.keys[i];
        if (left.nulls[key] || right.nulls[key]) {
            if (left.nulls[key] != right.nulls[key])
                return left.nulls[key] ? -1 : 1;
            continue;
        }
        int order;
        if (batch.fields[key].kind == Kind::integer) {
            const int64 a = DatumGetInt64(left.values[key]), b = DatumGetInt64(right.values[key]);
            order = a < b ? -1 : a > b;
        } else {
            order = compare_text(left.values[key], right.values[key]);
        }
        if (order != 0)
            return order;
    }
    return 0;
}

// Good items by key and position, then bad ones by position.
bool comes_before(const Batch &batch, const Item &left, const Item &right)
{
    if ((left.error != 0) != (right.error != 0))
        return left.error == 0;
    const int order = left.error != 0 ? 0 : compare_keys(batch, left, right);
    return order != 0 ? order < 0 : left.position < right.position;
}

bool superseded(const Batch &batch, const Item *item, const Item *next)
{
    return batch.repeats == Repeats::last_wins && item->error == 0 && next->error == 0 &&
           compare_keys(batch, *item, *next) == 0;
}

void emit(const ReturnSetInfo *result, const Batch &batch, const Item &item, Datum *values, bool *nulls)
{
    const bool bad = item.error != 0;
    values[0] = Int32GetDatum(item.position);
    values[1] = Int32GetDatum(item.error);
    values[2] = PointerGetDatum(item.error_text);
    values[3] = PointerGetDatum(item.extra);
    nulls[0] = false;
    nulls[1] = nulls[2] = !bad;
    nulls[3] = bad || item.extra == nullptr;
    for (int i = 0; i < batch.count; ++i) {
        values[leading_columns + i] = item.values[i];
        nulls[leading_columns + i] = bad || item.nulls[i];
    }
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Item *read_items(JsonbContainer *array, int first, int count, const Batch &batch, const Demanding &demanding)
{
    const Bounds bounds = make_bounds();
    const size_t fields = static_cast<size_t>(batch.count), rows = static_cast<size_t>(count);
    Item *items = static_cast<Item *>(MemoryContextAllocHuge(CurrentMemoryContext, rows * sizeof(Item)));
    Datum *values =
        static_cast<Datum *>(MemoryContextAllocHuge(CurrentMemoryContext, rows * fields * sizeof(Datum)));
    bool *nulls = static_cast<bool *>(MemoryContextAllocHuge(CurrentMemoryContext, rows * fields));
    JsonbValue *found = static_cast<JsonbValue *>(palloc(fields * sizeof(JsonbValue)));
    for (size_t i = 0; i < rows; ++i) {
        CHECK_FOR_INTERRUPTS();
        items[i] = {first + static_cast<int>(i), 0, nullptr, nullptr, values + i * fields,
                    nulls + i * fields};
        JsonbValue *json = getIthJsonbValueFromContainer(array, static_cast<uint32>(items[i].position - 1));
        read_item(items[i], batch, bounds, *json, found);
        check_demand(items[i], batch, demanding);
    }
    return items;
}

// The range of positions asked for, within the array: first (from 1) and how many.
int range(FunctionCallInfo fcinfo, int size, int *first)
{
    *first = PG_ARGISNULL(1) ? 1 : std::max(PG_GETARG_INT32(1), 1);
    const int last = PG_ARGISNULL(2) ? size : std::min(PG_GETARG_INT32(2), size);
    return last < *first ? 0 : last - *first + 1;
}

} // namespace

JsonbContainer *batch_items(Jsonb *payload)
{
    if (JB_ROOT_IS_ARRAY(payload))
        return JB_ROOT_IS_SCALAR(payload) ? nullptr : &payload->root;
    JsonbValue value;
    const JsonbValue *items = getKeyJsonValueFromContainer(&payload->root, "items", 5, &value);
    const bool array =
        items != nullptr && items->type == jbvBinary && JsonContainerIsArray(items->val.binary.data);
    return array ? items->val.binary.data : nullptr;
}

Datum read_batch(FunctionCallInfo fcinfo, const Batch &batch)
{
    InitMaterializedSRF(fcinfo, 0);
    const ReturnSetInfo *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (result->setDesc->natts != leading_columns + batch.count)
        elog(ERROR, "the function's result does not match its table of fields");
    if (PG_ARGISNULL(0))
        return 0;
    const MemoryContext work =
        AllocSetContextCreate(CurrentMemoryContext, "k2bridge payload", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext before = MemoryContextSwitchTo(work);
    JsonbContainer *array = batch_items(PG_GETARG_JSONB_P(0));
    int first = 1;
    const int count =
        array == nullptr ? 0 : range(fcinfo, static_cast<int>(JsonContainerSize(array)), &first);
    if (count > 0) {
        Item *items = read_items(array, first, count, batch, demanding(fcinfo));
        std::sort(items, items + count,
                  [&](const Item &a, const Item &b) { return comes_before(batch, a, b); });
        Datum *values =
            static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<size_t>(result->setDesc->natts)));
        bool *nulls = static_cast<bool *>(palloc(sizeof(bool) * static_cast<size_t>(result->setDesc->natts)));
        for (int i = 0; i < count; ++i)
            if (i + 1 == count || !superseded(batch, items + i, items + i + 1))
                emit(result, batch, items[i], values, nulls);
    }
    MemoryContextSwitchTo(before);
    MemoryContextDelete(work);
    return 0;
}

} // namespace k2
