// Answers GET /healthz while a request keeps the process busy: a timer looks at the listening sockets, so
// that a slow service is not mistaken for a dead database. Include before pg/*.hpp.
//
// Only for connections that are not encrypted and begin meanwhile. Others that arrive are kept for the
// server.
#pragma once

#include "listener/server.hpp"

namespace listener
{

// While it lives, the timer runs. One at a time in a process.
class Pulse
{
public:
    // The reply is a whole HTTP message; its body, which HEAD does not get, begins at `head`. It must outlive
    // the pulse.
    Pulse(const std::vector<int> &listening, const std::string &reply, size_t head);
    ~Pulse();
    Pulse(const Pulse &) = delete;
    Pulse &operator=(const Pulse &) = delete;

    // Connections that came while no pulse looks any more, once: their sockets, each with the position of the
    // one it came through.
    static std::vector<Arrival> arrivals();
    static int answered(); // since it was asked last
};

} // namespace listener
