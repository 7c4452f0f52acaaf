// A connection of the listener's server and the deadline of what it does now.
#pragma once

#include "listener/server.hpp"

namespace listener
{

struct Server::Peer {
    Server *server = nullptr;
    std::list<Peer>::iterator self{};
    int file = -1;
    Address address;
    std::unique_ptr<Exchange> exchange;
    unsigned requests = 0;
    Clock::time_point deadline{};
};

} // namespace listener
