// Settings that ALTER DATABASE … SET attaches to this database. A session reads them when it begins; a worker
// lives on and takes them up while it runs.
#pragma once

#include "pg/pg.hpp"

namespace pg
{

// Applies what was changed or removed since the last call (the first call: all there is). Returns
// whether there was anything. Server idiom, inside a transaction; what the worker has pinned stays pinned.
bool take_up_database_settings();

} // namespace pg
