// From endpoint, server and arguments to the HTTP request that travels.
//
// Include before pg/*.hpp and after http/*.hpp. To be called with C++ objects alive, in a transaction; throws
// pg::Error.
#pragma once

#include "http/request.hpp"
#include "http/response.hpp"
#include "outbox/endpoint.hpp"
#include "outbox/server.hpp"

#include "pg/pg.hpp"

namespace outbox
{

// The request's arguments: what the endpoint's builder makes of `args`, or `args` itself. The builder runs
// with the current user and may raise (ErrorInFlight); let that be the owner of the tables. The result is
// palloc'd in the current context. 22023 when the builder does not exist or returns null.
const Jsonb *built_args(const Endpoint &endpoint, const Jsonb *args);

// The request, complete but for nothing: address, query or body, headers, credentials, TLS, timeouts, limits.
// loopback_only is set while the database is not activated, fresh_connection for at_most_once. `args` are
// those after built_args(). 22023 naming endpoint and key for what cannot travel (nested value in a query,
// missing path argument).
http::Request build_request(const Endpoint &endpoint, const Server &server, const Jsonb *args,
                            const pg_uuid_t &correlation);

// Refuses what must not leave: KB004 while not activated and the address is not this machine's, 22023 for
// plain http without allow_http. Judged by name; the engine judges the resolved address again, so a response
// with Failure::forbidden_address goes to refuse_address().
void require_sendable(const http::Request &request, const Server &server);
[[noreturn]] void refuse_address(const http::Request &request, const Server &server);

// The request as text, secrets masked: what k2bridge.preview() shows.
std::string describe(const http::Request &request);

// One transfer in a backend: waits on the latch, so that cancel, statement_timeout and shutdown end it at
// once. No transaction work is done. Never throws for what the network does: that is in the Response.
http::Response transfer(http::Request request);

} // namespace outbox
