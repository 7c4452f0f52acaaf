// Foreign servers of k2bridge with the credentials of one role, as a plain value.
//
// Include before pg/*.hpp (http/*.hpp wants to come before postgres.h). All functions here are called with
// C++ objects alive, in a transaction, and throw pg::Error naming server and option; no text quotes a secret.
#pragma once

#include "http/request.hpp"
#include "outbox/endpoint.hpp"
#include "outbox/secret.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace outbox
{

// Minutes of the day in the server's time zone in which calls may leave: [from, to), over midnight when from
// > to.
struct SendWindow {
    int from{0}, to{24 * 60};
    bool always() const { return from == 0 && to == 24 * 60; }
};

struct Server {
    unsigned oid{0}; // of the foreign server
    std::string name;
    std::string type;                           // abs, autoclient, http
    std::map<std::string, std::string> options; // as written, without secrets (those are in the mapping)

    std::chrono::milliseconds connect_timeout{10'000}, timeout{30'000};
    int max_connections{4};
    double rate_limit{0}; // requests per second, 0 = none
    http::Tls tls;
    std::string proxy;
    bool allow_http{false};
    std::string user_agent;
    bool windows_1251{false}; // option charset: what bodies are written in and replies asked for
    std::string time_zone;
    SendWindow send_window;
    bool record{false}; // option mode 'record': build and log, send nothing
    http::Credentials credentials;

    // Another number whenever an option, the mapping, a secret or a TLS file has changed; equal otherwise.
    std::uint64_t version{0};

    const std::string *option(const std::string &option_name) const; // null when not set
};

// The server with the credentials of `role`'s mapping, else PUBLIC's, else none. Cached per process; options
// and mappings are looked at again after DDL on them (so be in a transaction that has accepted
// invalidations), files at every call. Errors: 42704 no such server of k2bridge, 22023 option unusable or
// missing for the type, 58030 / 58P01 secret file unreadable.
std::shared_ptr<const Server> load_server(const std::string &name, unsigned role);

// Another number after DDL on servers or mappings of this database, once its invalidation has been accepted.
std::uint64_t servers_era();

// What was declared, usable or not, for k2bridge.check_server. Secrets are in `mapping`: not for texts.
struct Declared {
    std::string type;
    std::map<std::string, std::string> options, mapping;
    enum class Mapping { none, own, everybody } whose{Mapping::none};
};
Declared declared(const std::string &name, unsigned role);

// The one server of the endpoint's type that has the option it needs. 22023 when there is none or more than
// one.
std::string resolve_server(const Endpoint &endpoint);

// Whether calls may leave at `now`, and when the window opens next (`now` while it is open). TimestampTz
// values (microseconds since 2000-01-01 UTC).
std::int64_t window_opens(const Server &server, std::int64_t now);

} // namespace outbox
