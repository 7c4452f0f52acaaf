// Whether library, functions and tables are of one version, which an upgrade changes one after the other: the
// packages (and a restart, where the library is preloaded), ALTER EXTENSION k2bridge UPDATE,
// k2bridge.setup(). In between services and workers stop.
#pragma once

#include "pg/pg.hpp"

namespace pg
{

// What does not fit together, and the commands that mend it; both null when everything is of one version.
struct VersionTrouble {
    const char *message;
    const char *hint;
};

// Plain server code, called inside SPI as the owner of the tables; the texts live in SPI's memory.
VersionTrouble version_trouble();

} // namespace pg
