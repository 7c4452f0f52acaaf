// Prepared statements and arrays for code that runs SQL through SPI inside a transaction frame.
//
// Server idiom: everything here may raise, so callers that hold C++ objects wrap it in pg::call. Statements
// are plain static data, prepared on first use and kept for the life of the process.
#pragma once

#include "pg/pg.hpp"

#include <initializer_list>

namespace pg
{

// A statement and its parameter types; `static` and constant-initialised, so nothing is destroyed at exit.
struct Statement {
    const char *text;
    int count;
    Oid types[24];
    SPIPlanPtr plan;

    template <class... T>
    constexpr explicit Statement(const char *sql, T... type)
        : text(sql), count(sizeof...(type)), types{static_cast<Oid>(type)...}, plan(nullptr)
    {
    }
};

// Runs it and returns SPI_processed; the rows are in SPI_tuptable. `nulls` as in SPI_execute_plan.
uint64 run(Statement &statement, std::initializer_list<Datum> values, const char *nulls = nullptr,
           bool read_only = false, long limit = 0);

// Arrays from C++ containers; a null entry where `present` says so.
Datum int8_array(const std::vector<int64> &values);
Datum timestamptz_array(const std::vector<TimestampTz> &values);
Datum int4_array(const std::vector<int32> &values);
Datum text_array(const std::vector<std::string> &values);
Datum text_array(const std::vector<std::optional<std::string>> &values);
Datum bytea_array(const std::vector<std::optional<std::string>> &values);

// Text is UTF-8 and becomes the database's encoding; anything else raises 22021.
Datum text_datum(const std::string &value);
Datum bytea_datum(const std::string &value);
Datum name_datum(const std::string &value);

// Cells of the current SPI_tuptable; empty or zero for null.
bool cell_null(uint64 row, int column);
void cell_text(uint64 row, int column, std::string &value);
int64 cell_int8(uint64 row, int column);
int32 cell_int4(uint64 row, int column);
bool cell_bool(uint64 row, int column);
Datum cell(uint64 row, int column, bool *null);

} // namespace pg
