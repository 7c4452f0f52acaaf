// The one place that includes PostgreSQL's headers.
//
// C++ standard headers come first, because postgres.h redefines printf and friends as macros; the server's
// headers are C. Code that includes this file is server code: plain data on the stack, or C++ objects under
// pg::entry and pg::call (guard.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/elog.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
}

// postgres.h may turn these into macros (src/port.h); C++ code wants the functions.
#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vprintf
#undef vsnprintf
#undef strerror
#undef gettext
#undef dgettext
#undef ngettext
