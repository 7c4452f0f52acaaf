// What SQL asks of a company's server: its options, and the time zone of the bank's wall times.
#include "pg/pg.hpp"

extern "C" {
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "pgtime.h"
}

// The option's value, null when it is not set or the server is none of ours.
static const char *option_of(const char *server_name, const char *option)
{
    const ForeignServer *server = GetForeignServerByName(server_name, true);
    if (server == nullptr || strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "k2bridge") != 0)
        return nullptr;
    ListCell *cell;
    foreach (cell, server->options) {
        DefElem *each = lfirst_node(DefElem, cell);
        if (strcmp(each->defname, option) == 0)
            return defGetString(each);
    }
    return nullptr;
}

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_server_option);
PG_FUNCTION_INFO_V1(k2bridge_bank_zone);

// autoclient.server_option(server name, option text) → text
PGDLLEXPORT Datum k2bridge_server_option(PG_FUNCTION_ARGS)
{
    const char *value = option_of(NameStr(*PG_GETARG_NAME(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
    if (value == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(value));
}

// autoclient.zone(server name) → text. Time zone databases before 2022 know Kyiv by its former spelling only.
PGDLLEXPORT Datum k2bridge_bank_zone(PG_FUNCTION_ARGS)
{
    const char *own = PG_ARGISNULL(0) ? nullptr : option_of(NameStr(*PG_GETARG_NAME(0)), "timezone");
    if (own == nullptr)
        own = pg_tzset("Europe/Kyiv") != nullptr ? "Europe/Kyiv" : "Europe/Kiev";
    PG_RETURN_TEXT_P(cstring_to_text(own));
}
}
