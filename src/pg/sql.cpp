// See sql.hpp.
#include "pg/sql.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/array.h"
}

namespace pg
{

namespace
{

void prepare(Statement &statement)
{
    SPIPlanPtr plan = SPI_prepare(statement.text, statement.count, statement.types);
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        elog(ERROR, "could not prepare \"%s\": %s", statement.text, SPI_result_code_string(SPI_result));
    statement.plan = plan;
}

Datum array(Datum *values, bool *nulls, size_t count, Oid type, int length, bool by_value, char align)
{
    int dims[] = {static_cast<int>(count)}, bounds[] = {1};
    if (count == 0)
        return PointerGetDatum(construct_empty_array(type));
    return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, type, length, by_value, align));
}

template <class T> Datum *datums(const std::vector<T> &values)
{
    return static_cast<Datum *>(palloc0(sizeof(Datum) * (values.size() + 1)));
}

Datum bytes(const std::string &value)
{
    return PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size())));
}

// Text of ours is UTF-8; what is not is refused here, before it reaches a table.
Datum checked_text(const std::string &value)
{
    const int length = static_cast<int>(value.size());
    const char *text = pg_any_to_server(value.data(), length, PG_UTF8);
    return PointerGetDatum(
        cstring_to_text_with_len(text, text == value.data() ? length : static_cast<int>(strlen(text))));
}

Datum optional_array(const std::vector<std::optional<std::string>> &values, Oid type)
{
    Datum *cells = datums(values);
    bool *nulls = static_cast<bool *>(palloc0(values.size() + 1));
    for (size_t i = 0; i < values.size(); ++i) {
        nulls[i] = !values[i].has_value();
        if (!nulls[i])
            cells[i] = type == BYTEAOID ? bytes(*values[i]) : checked_text(*values[i]);
    }
    return array(cells, nulls, values.size(), type, -1, false, TYPALIGN_INT);
}

} // namespace

uint64 run(Statement &statement, std::initializer_list<Datum> values, const char *nulls, bool read_only,
           long limit)
{
    Assert(static_cast<int>(values.size()) == statement.count);
    if (statement.plan == nullptr)
        prepare(statement);
    const int result =
        SPI_execute_plan(statement.plan, const_cast<Datum *>(values.begin()), nulls, read_only, limit);
    if (result < 0)
        elog(ERROR, "could not run \"%s\": %s", statement.text, SPI_result_code_string(result));
    return SPI_processed;
}

Datum int8_array(const std::vector<int64> &values)
{
    Datum *cells = datums(values);
    for (size_t i = 0; i < values.size(); ++i)
        cells[i] = Int64GetDatum(values[i]);
    return array(cells, nullptr, values.size(), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

Datum timestamptz_array(const std::vector<TimestampTz> &values)
{
    // timestamptz is an int64 of microseconds; the array differs from bigint[] in its element type alone.
    const Datum array = int8_array(values);
    reinterpret_cast<ArrayType *>(DatumGetPointer(array))->elemtype = TIMESTAMPTZOID;
    return array;
}

Datum int4_array(const std::vector<int32> &values)
{
    Datum *cells = datums(values);
    for (size_t i = 0; i < values.size(); ++i)
        cells[i] = Int32GetDatum(values[i]);
    return array(cells, nullptr, values.size(), INT4OID, 4, true, TYPALIGN_INT);
}

Datum text_array(const std::vector<std::string> &values)
{
    Datum *cells = datums(values);
    for (size_t i = 0; i < values.size(); ++i)
        cells[i] = checked_text(values[i]);
    return array(cells, nullptr, values.size(), TEXTOID, -1, false, TYPALIGN_INT);
}

Datum text_array(const std::vector<std::optional<std::string>> &values)
{
    return optional_array(values, TEXTOID);
}
Datum bytea_array(const std::vector<std::optional<std::string>> &values)
{
    return optional_array(values, BYTEAOID);
}

Datum text_datum(const std::string &value)
{
    return checked_text(value);
}
Datum bytea_datum(const std::string &value)
{
    return bytes(value);
}

Datum name_datum(const std::string &value)
{
    return DirectFunctionCall1(namein, CStringGetDatum(value.c_str()));
}

Datum cell(uint64 row, int column, bool *null)
{
    return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, null);
}

bool cell_null(uint64 row, int column)
{
    bool null;
    cell(row, column, &null);
    return null;
}

void cell_text(uint64 row, int column, std::string &value)
{
    const char *printed = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
    value.assign(printed ? printed : "");
}

int64 cell_int8(uint64 row, int column)
{
    bool null;
    const Datum value = cell(row, column, &null);
    return null ? 0 : DatumGetInt64(value);
}

int32 cell_int4(uint64 row, int column)
{
    bool null;
    const Datum value = cell(row, column, &null);
    return null ? 0 : DatumGetInt32(value);
}

bool cell_bool(uint64 row, int column)
{
    bool null;
    const Datum value = cell(row, column, &null);
    return !null && DatumGetBool(value);
}

} // namespace pg
