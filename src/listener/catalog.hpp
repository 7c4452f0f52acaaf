// What the listener knows of clients and services, read from the tables once a second and whenever a login
// fails, and the judgement of a request by it. Include before pg/*.hpp.
#pragma once

#include "listener/server.hpp"

#include <map>

namespace listener
{

struct Catalog {
    std::vector<std::shared_ptr<const Client>> clients; // the enabled ones
    std::map<std::string, std::shared_ptr<const Service>> services;
    std::string trouble; // why nothing can be served; empty when all is well
};

// The reply of /healthz.
Message health(const Catalog &catalog);

// Reads both tables; a network or role that cannot be read shuts its client out. Inside a transaction frame.
void read_catalog(Catalog &catalog);

// Routes the request, authenticates it and checks service, source address, method and content type. Memory
// only.
Verdict judge(const Catalog &catalog, Exchange &exchange);

} // namespace listener
