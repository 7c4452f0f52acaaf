// A connection of the listener's server, with the daemon of the library that serves it and nobody else: so
// that whatever the library says without naming a connection, its log above all, is known to be of this one.
//
// A daemon outlives its connection and waits, spare, for the next.
#pragma once

#include "listener/server.hpp"

namespace listener
{

struct Server::Peer {
    Server *server = nullptr;
    std::list<Peer>::iterator self{};
    MHD_Daemon *daemon = nullptr;   // nothing: somebody for whom there is no room
    std::unique_ptr<Tunnel> tunnel; // to the client, where it is encrypted
    int file = -1;                  // the library's socket, which it closes; -1: it has
    Address address;
    std::unique_ptr<Exchange> exchange;
    unsigned requests = 0;
    Clock::time_point deadline{};
    bool due = false;        // its daemon is run in the next step, whatever its descriptor says
    bool completed = false;  // a request has just ended
    bool broken_off = false; // a request ended without a reply
    bool parting = false;    // its last reply was one after which the connection may be closed
    bool parted = false;     // the last word is spoken
    bool lingers = false;    // was answered before all that it sends was read
    int owed = 400;          // status of the refusal when the library closes without a word
};

} // namespace listener
