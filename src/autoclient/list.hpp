// Reading the lists of a statement reply: a JSON array, as text, becomes typed rows in one pass.
//
// A table of fields says what an item holds; read_list() turns it into the rows of a set-returning function
// (items json, zone text)
//
//     <one column per field, in table order>, raw jsonb
//
// ordered by key; of items with the same key only the last is returned. `raw` holds the members that the
// table does not name, null when there are none. Columns by kind: text → text, amount → numeric, day → date,
// moment → timestamptz, flag → boolean.
//
// A value that its column would not hold exactly raises 22023 and names the field and the row, by its
// position from 1 and its key.
//
// This is server code: plain data in memory contexts, errors by ereport, nothing with a destructor.
#pragma once

#include "reply/json_walk.hpp"

#include <string_view>

#include "pg/pg.hpp"

namespace autoclient
{

enum class Kind {
    text,   // string; anything else as jsonb prints it
    amount, // number or numeric string, at most 2 decimals, below 10^18; "" is null
    day,    // string with a date, a time behind it is ignored; "" is null
    moment, // string with a date and a time, the wall time of the zone; "" is null
    flag,   // boolean, or string that says one
};

struct Field {
    std::string_view key; // on the wire
    Kind kind;
    bool required = false; // null and absent are errors
};

struct List {
    const Field *fields;
    int count;     // of fields, at most max_fields
    int key_count; // the key: so many fields at the front, text or day
};
constexpr int max_fields = 64;

// The body of a set-returning function (items json, zone text), neither null.
Datum read_list(FunctionCallInfo fcinfo, const List &list);

// Where a value stands, for errors: the item by its position from 1 and the fields of its key read so far.
struct Place {
    const List &list;
    int position;
    const Datum *key;
    int known; // how many of them
};

// What a literal says: a string's characters, anything else as it stands.
std::string_view words(std::string_view literal);

// The value of a field from its literal (empty: absent), null when it has none. Raises when the field cannot
// hold it or needs one.
Datum read_value(const Field &field, const Place &place, Datum zone, std::string_view literal, bool *null);

} // namespace autoclient
