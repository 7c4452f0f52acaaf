// Reading the batches that К2 receives: a jsonb payload becomes typed rows in one pass, good items and bad
// ones alike.
//
// A batch is a bare array or {"items": [...]} (wire/k2.md section 5, D5). A table of fields says what an item
// holds; read_batch() turns it into the rows of a set-returning function
//
//     position integer, error_code integer, error_text text, extra jsonb, <one column per field, in table
//     order>
//
// Good items come first, in the order of their key (so that all senders lock rows in one order), their
// error_code is null. Bad items follow by position with code and text of their first fault and nothing else.
// `extra` holds the keys that the table does not name, null when there are none. Columns by kind: text →
// text, identifiers → text, amount → numeric, integer → bigint, date → date.
//
// This is server code: plain data in memory contexts, errors by ereport, nothing with a destructor.
#pragma once

#include <string_view>

#include "pg/pg.hpp"

namespace k2
{

enum class Kind {
    text,    // string; a number is taken as its digits
    amount,  // number or numeric string, ≥ 0, at most 2 decimals, below 10^18
    balance, // like amount, and may be negative
    integer, // number or numeric string without fraction
    date,    // YYYY-MM-DD, YYYY.MM.DD or DD.MM.YYYY, with or without a time, which is ignored
    iin,     // 12 digits; other lengths have an error code of their own
    iban,    // string, mod 97 when k2bridge.check_iban is on
};

struct Field {
    std::string_view key; // on the wire
    Kind kind;
    bool required; // absent, null and "" are errors (422); otherwise they give null
    int limit =
        0; // text, iban: most characters, 0 for any number; integer: bytes of the column, 4 or 8 (0: 8)
};

// Code and text of an IIN that has not 12 characters differ from service to service (wire/k2.md section 4).
struct LengthError {
    int code;
    const char *text; // UTF-8
};

enum class Repeats {
    last_wins, // of good items with the same key only the last is returned
    all,       // all are returned, by key and position
};

// Field `needed` must be filled where the value of text field `where` is one of the function's fourth
// argument, a text[]; nothing of the kind when needed is negative.
struct Demand {
    int needed = -1;
    int where = -1;
};

struct Batch {
    const Field *fields;
    int count;
    const int *keys; // indexes of the key fields (text, iin, integer), most significant first
    int key_count;
    Repeats repeats;
    LengthError iin_length;
    Demand demand = {};
};

// The body of a set-returning function (payload jsonb, first integer, last integer[, text[]]): reads the
// items whose position, counted from 1, lies between first and last (null: to the end). A payload of another
// shape gives no row.
Datum read_batch(FunctionCallInfo fcinfo, const Batch &batch);

// The array inside a payload, or null when it is no batch.
JsonbContainer *batch_items(Jsonb *payload);

} // namespace k2
