// The one wait point of a process: its latch, postmaster death and one descriptor (an epoll descriptor that
// gathers the sockets of libcurl and libmicrohttpd). Serves workers and waiting backends alike.
#pragma once

#include "pg/guard.hpp"

namespace pg
{

struct Woken {
    bool latch;
    bool descriptor; // readable
};

// Sleeps until the latch is set, `descriptor` (-1: none) becomes readable or timeout_ms (-1: no limit) has
// passed; resets the latch and processes interrupts: a cancel or statement_timeout comes as ErrorInFlight, a
// termination ends the process, as does the death of the postmaster. Not to be called in a transaction's
// critical work.
Woken wait(int descriptor, long timeout_ms);

// Only the interrupts, for long C++ work without waiting.
void check_interrupts();

} // namespace pg
