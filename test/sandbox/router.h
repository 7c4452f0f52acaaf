/*
 * From a request to the service that answers it: path, method, credentials, content type.
 *
 * Promises: a service runs only for its own method, with a credential when any is configured, and for a
 * POST with application/json; otherwise the answer is 404, 401, 405 or 415 with an envelope. A service with
 * rules of its own is asked whatever comes to its path. An exact path goes before a pattern, patterns go in
 * the order they were added.
 */
#pragma once

#include "message.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox
{

/* A refusal on demand, or plain success. */
struct StandIn {
    bool refusal = false;
    std::int64_t error_code = 0;
    std::string service_code; // "" for the usual one of the service
    std::string text;
};

struct Service {
    std::string path; // a segment may be "{}" (any one), the last one "*" (any rest)
    std::string method;
    std::function<Reply(const Request &)> run;         // may throw Refused
    std::function<void(const Request &)> arrived = {}; // told of every request, also of one never processed

    /* Set for services that check method, credentials and content type themselves: the name of the
     * credential this request carries, "" for none. */
    std::function<std::string(const Request &)> own_credential = {};

    /* What stands in for the service's reply under a fault: its "no", and its "yes" when it was not asked.
     * The envelope when not set. */
    std::function<Reply(const Request &, const StandIn &)> own_stand_in = {};
};

struct Credential {
    std::string name; // shown in the log instead of the secret
    std::string authorization;
};

Credential bearer_credential(const std::string &name, const std::string &token);

/* `user_password` is "user:password". */
Credential basic_credential(const std::string &name, const std::string &user_password);

class Router
{
public:
    void add(Service service);
    void credentials(std::vector<Credential> accepted) { credentials_ = std::move(accepted); }

    /* Name of the credential this request carries, "" when it carries none of the accepted ones. */
    std::string credential_of(const Request &request) const;

    /* True when the request needs no credential or carries an accepted one. */
    bool admits(const Request &request) const;

    void arrived(const Request &request) const;

    /* What goes out for a service that is not asked. */
    Reply stand_in(const Request &request, const StandIn &wanted) const;

    /* The service's reply, or the refusal. `acted` tells whether the service ran to a reply of its own. */
    Reply run(const Request &request, bool &acted) const;

private:
    const Service *find(std::string_view path) const;
    Reply checked_run(const Request &request, bool &acted) const;

    std::map<std::string, Service, std::less<>> services_;
    std::vector<Service> patterns_;
    std::vector<Credential> credentials_;
};

} // namespace sandbox
