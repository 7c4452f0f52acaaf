// SQLSTATEs of k2bridge's own, so that a caller can tell the outcome classes of a call apart (surface section
// 3). Include after pg/pg.hpp (MAKE_SQLSTATE is the server's).
#pragma once

#include "pg/pg.hpp"

namespace outbox
{

constexpr int errcode_refused = MAKE_SQLSTATE('K', 'B', '0', '0', '1');   // the bank said no
constexpr int errcode_transport = MAKE_SQLSTATE('K', 'B', '0', '0', '2'); // no usable reply
constexpr int errcode_unclear = MAKE_SQLSTATE('K', 'B', '0', '0', '3');   // may have been processed
constexpr int errcode_not_activated =
    MAKE_SQLSTATE('K', 'B', '0', '0', '4');                          // no outbound calls on this host
constexpr int errcode_hold = MAKE_SQLSTATE('K', 'B', '0', '0', '5'); // raised by a builder: ask again later

} // namespace outbox
