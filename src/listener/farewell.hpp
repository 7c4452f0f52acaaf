// Connections that had their last reply before everything they send was read. To close them at once would
// reset them, and with the reset goes, on some systems, the reply that the client has not read yet.
//
// What they send is thrown away, until they close too or their time is over. Plain C++; no error is raised.
#pragma once

#include "http/core_only.hpp"

#include <chrono>
#include <deque>

namespace listener
{

class Farewells
{
public:
    Farewells() = default;
    ~Farewells();
    Farewells(const Farewells &) = delete;
    Farewells &operator=(const Farewells &) = delete;

    // Takes over the socket and closes its way out; the one that waits longest makes room.
    void add(int socket);
    void look(); // every so often
    bool empty() const { return waiting.empty(); }

private:
    struct One {
        int socket;
        std::chrono::steady_clock::time_point until;
    };
    std::deque<One> waiting;
};

} // namespace listener
