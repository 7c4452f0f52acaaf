// One value of a payload: jsonb → Datum of the field's kind, or what is wrong with it.
//
// Amounts stay numeric from the wire to the table; no binary floating point. Sources of the rules: wire/k2.md
// sections 1 (dates, amounts), 4 (length of the IIN) and 5 (D5, D7, D22, D33, D34).
#pragma once

#include "k2/payload.hpp"

namespace k2
{

struct Value {
    Datum datum;      // valid unless null
    bool null;        // absent, JSON null or ""
    int error;        // 0: none
    const char *text; // of the error, UTF-8 of the fault without the field's name when named is set
    bool named;       // the text is to be preceded by the field's name
};

// Bounds that every amount and integer is compared with; made once per payload.
struct Bounds {
    Datum zero, amount, lowest4, highest4, lowest8, highest8;
};
Bounds make_bounds();

Value read_value(const Field &field, const LengthError &iin_length, const Bounds &bounds,
                 const JsonbValue &json);

} // namespace k2
