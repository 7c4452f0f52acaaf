// Reading the lists of a statement reply (list.hpp): items, order, rows.
#include "autoclient/list.hpp"

extern "C" {
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"
}

#include <algorithm>

namespace autoclient
{

namespace
{

struct Item {
    int position;
    Datum *values; // one per field, then raw
    bool *nulls;
};

// Index of the field with that name, or -1. Members mostly come in the order of the table.
int find_field(const List &list, std::string_view name, int expected)
{
    if (expected < list.count && list.fields[expected].key == name)
        return expected;
    for (int i = 0; i < list.count; ++i)
        if (list.fields[i].key == name)
            return i;
    return -1;
}

// One object: the literal of each field, of a repeated one the last; the other members as raw.
Datum gather(const List &list, reply::Walk &walk, std::string_view *found)
{
    StringInfoData others;
    others.data = nullptr;
    int field = -1;
    while (walk.more('}')) {
        const std::string_view name = walk.name(), value = walk.value();
        const int known = find_field(list, words(name), field + 1);
        if (known >= 0) {
            found[known] = value;
            field = known;
            continue;
        }
        if (others.data == nullptr)
            initStringInfo(&others);
        appendStringInfoChar(&others, others.len == 0 ? '{' : ',');
        appendBinaryStringInfo(&others, name.data(), static_cast<int>(name.size()));
        appendStringInfoChar(&others, ':');
        appendBinaryStringInfo(&others, value.data(), static_cast<int>(value.size()));
    }
    if (others.data == nullptr)
        return 0;
    appendStringInfoChar(&others, '}');
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(others.data));
}

std::string_view chars(Datum value)
{
    const text *from = DatumGetTextPP(value);
    return {VARDATA_ANY(from), VARSIZE_ANY_EXHDR(from)};
}

void read_item(Item &item, const List &list, Datum zone, reply::Walk &walk)
{
    if (!walk.enter('{'))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("row %d of the reply is no object", item.position)));
    std::string_view found[max_fields];
    item.values[list.count] = gather(list, walk, found);
    item.nulls[list.count] = item.values[list.count] == 0;
    for (int i = 0; i < list.count; ++i) {
        const Place place{list, item.position, item.values, std::min(i, list.key_count)};
        item.values[i] = read_value(list.fields[i], place, zone, found[i], item.nulls + i);
    }
}

// Order of two items by key; 0 when they are the same row.
int compare_keys(const List &list, const Item &left, const Item &right)
{
    for (int i = 0; i < list.key_count; ++i) {
        const int order = list.fields[i].kind == Kind::day
                              ? DatumGetDateADT(left.values[i]) - DatumGetDateADT(right.values[i])
                              : chars(left.values[i]).compare(chars(right.values[i]));
        if (order != 0)
            return order;
    }
    return 0;
}

struct Items {
    Item *items;
    size_t count;
};

// The items of an array, by key and position.
Items read_items(const List &list, std::string_view array, Datum zone)
{
    reply::Walk walk(array);
    if (!walk.enter('['))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the list of the reply is no array")));
    const size_t columns = static_cast<size_t>(list.count) + 1;
    size_t count = 0, room = 512;
    Item *items = static_cast<Item *>(palloc(room * sizeof(Item)));
    while (walk.more(']')) {
        CHECK_FOR_INTERRUPTS();
        if (count == room)
            items = static_cast<Item *>(repalloc_huge(items, (room *= 2) * sizeof(Item)));
        items[count] = {static_cast<int>(count) + 1, static_cast<Datum *>(palloc(columns * sizeof(Datum))),
                        static_cast<bool *>(palloc(columns))};
        read_item(items[count++], list, zone, walk);
    }
    std::sort(items, items + count, [&](const Item &a, const Item &b) {
        const int keys = compare_keys(list, a, b);
        return keys != 0 ? keys < 0 : a.position < b.position;
    });
    return {items, count};
}

} // namespace

Datum read_list(FunctionCallInfo fcinfo, const List &list)
{
    InitMaterializedSRF(fcinfo, 0);
    const ReturnSetInfo *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (list.count > max_fields || result->setDesc->natts != list.count + 1)
        elog(ERROR, "the function's result does not match its table of fields");
    const MemoryContext work =
        AllocSetContextCreate(CurrentMemoryContext, "k2bridge statement", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext before = MemoryContextSwitchTo(work);
    const auto [items, count] = read_items(list, chars(PG_GETARG_DATUM(0)), PG_GETARG_DATUM(1));
    for (size_t i = 0; i < count; ++i)
        if (i + 1 == count || compare_keys(list, items[i], items[i + 1]) != 0)
            tuplestore_putvalues(result->setResult, result->setDesc, items[i].values, items[i].nulls);
    MemoryContextSwitchTo(before);
    MemoryContextDelete(work);
    return 0;
}

} // namespace autoclient
