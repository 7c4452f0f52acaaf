// See version.hpp.
#include "pg/version.hpp"

namespace pg
{

VersionTrouble version_trouble()
{
    if (SPI_execute("SELECT k2bridge.version(), (SELECT s.version FROM k2bridge.schema_version s)", true,
                    1) != SPI_OK_SELECT ||
        SPI_processed != 1)
        elog(ERROR, "could not read the version of the tables");
    const char *functions = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    const char *tables = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
    if (strcmp(functions, K2BRIDGE_VERSION) != 0)
        return {
            psprintf("the functions of k2bridge are of version %s, its library of version %s", functions,
                     K2BRIDGE_VERSION),
            "Run: ALTER EXTENSION k2bridge UPDATE; SELECT k2bridge.setup(); and restart the server if the "
            "library is the older one."};
    if (tables == nullptr || strcmp(tables, functions) != 0)
        return {psprintf("the tables are of version %s, the functions of version %s",
                         tables ? tables : "none", functions),
                "Run: SELECT k2bridge.setup();"};
    return {nullptr, nullptr};
}

} // namespace pg
