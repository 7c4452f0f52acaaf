// A page of a statement: its list apart from the rest, so that the list needs not become jsonb.
#include "reply/json_walk.hpp"

#include "pg/pg.hpp"

extern "C" {
#include "access/htup_details.h"
#include "utils/fmgrprotos.h"
}

static std::string_view chars(const text *from)
{
    return {VARDATA_ANY(from), VARSIZE_ANY_EXHDR(from)};
}

static void append(StringInfo out, std::string_view what)
{
    appendBinaryStringInfo(out, what.data(), static_cast<int>(what.size()));
}

// The members of an object without those named `list`, as JSON text; the last of these is `found`.
static char *without(std::string_view object, std::string_view list, std::string_view *found)
{
    StringInfoData rest;
    initStringInfo(&rest);
    reply::Walk walk(object);
    const bool entered = walk.enter('{');
    while (entered && walk.more('}')) {
        const std::string_view name = walk.name(), value = walk.value();
        if (reply::inside(name) == list) {
            *found = value;
            continue;
        }
        appendStringInfoChar(&rest, rest.len == 0 ? '{' : ',');
        append(&rest, name);
        appendStringInfoChar(&rest, ':');
        append(&rest, value);
    }
    append(&rest, rest.len == 0 ? "{}" : "}");
    return rest.data;
}

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_page_of);

// autoclient.page_of(reply json, list text, OUT rest jsonb, OUT items json)
PGDLLEXPORT Datum k2bridge_page_of(PG_FUNCTION_ARGS)
{
    const text *reply = PG_GETARG_TEXT_PP(0), *list = PG_GETARG_TEXT_PP(1);
    TupleDesc columns;
    if (get_call_result_type(fcinfo, nullptr, &columns) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    std::string_view items;
    const char *rest = without(chars(reply), chars(list), &items);
    if (items.empty() || items.front() != '[')
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("field \"%s\" of the reply is no array", text_to_cstring(list))));
    Datum values[2] = {
        DirectFunctionCall1(jsonb_in, CStringGetDatum(rest)),
        PointerGetDatum(cstring_to_text_with_len(items.data(), static_cast<int>(items.size())))};
    bool nulls[2] = {false, false};
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
}
}
