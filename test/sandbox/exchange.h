/*
 * One request and its answer while they pass through the HTTP server, and the connection they came on.
 *
 * Promises: an Exchange lives from the request line to the end of the answer, a Peer as long as its
 * connection; both belong to libmicrohttpd's callbacks.
 */
#pragma once

#include "server.h"

namespace sandbox
{

struct Peer {
    std::uint64_t number = 0;
    unsigned requests = 0;
};

enum class Stage { fresh, reading, waiting, closing };

struct Exchange {
    MHD_Connection *connection = nullptr;
    std::string uri; // as received, with its query
    Stage stage = Stage::fresh;
    bool echo = false;
    bool too_large = false;
    Request request;
    Plan plan;

    /* Suspends the connection and has a thread write the reply piece by piece, or header lines for ever. */
    MHD_Result write_slowly(WireThreads &threads, const std::string &reply);
};

} // namespace sandbox
