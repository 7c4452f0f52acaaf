// Module entry: settings, shared memory, registration of the launcher. Nothing else.
#include "pg/compat.hpp"
#include "pg/counters.hpp"
#include "pg/pg.hpp"
#include "pg/roster.hpp"
#include "settings.hpp"

extern "C" {
#include "postmaster/bgworker.h"

K2BRIDGE_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);

PGDLLEXPORT void _PG_init(void)
{
    settings::define();
    if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
        return;
    pg::roster::request();
    pg::counters::request_memory();

    BackgroundWorker launcher = {};
    strlcpy(launcher.bgw_name, "k2bridge launcher", sizeof launcher.bgw_name);
    strlcpy(launcher.bgw_type, "k2bridge launcher", sizeof launcher.bgw_type);
    strlcpy(launcher.bgw_library_name, "k2bridge", sizeof launcher.bgw_library_name);
    strlcpy(launcher.bgw_function_name, "k2bridge_launcher_main", sizeof launcher.bgw_function_name);
    launcher.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    launcher.bgw_start_time = BgWorkerStart_RecoveryFinished;
    launcher.bgw_restart_time = 1;
    RegisterBackgroundWorker(&launcher);
}
}
