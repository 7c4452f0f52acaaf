// Lanes: where in the queue the dispatcher has read to, for every endpoint and server.
//
// A lane is read forward by a cursor; when it is drained it starts again from its floor. The floor moves up
// to a moment T once every transaction that was running at T has ended: due_at is stamped with the clock
// inside the insert, after the xid was assigned, so no claimable row can appear below it any more. So rows
// that are long gone (and that an old snapshot keeps in the index) are not walked over again and again.
//
// Include before pg/*.hpp.
#pragma once

#include "outbox/queue.hpp"

#include <chrono>
#include <deque>

namespace outbox
{

struct Lane {
    std::shared_ptr<const Endpoint> endpoint;
    std::string server_key; // as in the rows: '' while they name none
    std::string server;     // resolved; empty: not possible now
    std::string host;       // of the address
    std::string origin;     // scheme, host and port: what a circuit is about
    std::string url;        // for the memory of addresses that worked
    queue::Place cursor, floor;
    bool more{true}; // the last scan was cut by its limit
    bool skipped{
        false}; // a row was left where it is (locked, or its head is parked): the floor must not pass it
    bool restarted{
        true};    // the next scan begins at the floor: rows that are in memory stand before the others
    int crowd{0}; // how many rows more are read, while scans find mostly rows to be parked

    void restart()
    {
        cursor = floor;
        restarted = true;
    }
};

// The moving floor, common to all lanes.
class Floor
{
public:
    // `now` was read before `horizon`. Returns the moment up to which nothing new can appear.
    TimestampTz advance(const queue::Horizon &horizon, TimestampTz now);
    void forget();

private:
    struct Mark {
        TimestampTz at;
        uint64 next;
    };
    std::deque<Mark> marks;
    TimestampTz settled{DT_NOBEGIN};
};

} // namespace outbox
