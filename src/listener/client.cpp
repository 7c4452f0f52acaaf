// The token of a new API client: random, shown once, kept as its digest (listener.sql).
#include "pg/pg.hpp"

extern "C" {
#include "port.h"
PG_FUNCTION_INFO_V1(k2bridge_random_token);

// k2bridge.random_token() → 64 hexadecimal digits, 256 bits of the server's strong random source.
PGDLLEXPORT Datum k2bridge_random_token(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    constexpr char digits[] = "0123456789abcdef";
    unsigned char bytes[32];
    char token[65];
    if (!pg_strong_random(bytes, sizeof bytes))
        ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random token"));
    for (size_t i = 0; i < sizeof bytes; ++i) {
        token[2 * i] = digits[bytes[i] >> 4];
        token[2 * i + 1] = digits[bytes[i] & 15];
    }
    token[64] = '\0';
    PG_RETURN_TEXT_P(cstring_to_text(token));
}
}
