// k2bridge.check_server(): what is wrong with one server, item by item. Connects, but sends no request.
#include "http/url.hpp"
#include "outbox/request.hpp"
#include "outbox/activation.hpp"
#include "outbox/options.hpp"

#include "pg/guard.hpp"
#include "pg/identity.hpp"

#include <algorithm>
#include <set>

namespace outbox
{

namespace
{

struct Finding {
    std::string item;
    bool ok;
    std::string detail, remedy;
};

using Findings = std::vector<Finding>;
using Options = std::map<std::string, std::string>;

// Addresses that the endpoints of this type may take.
std::vector<std::string> addresses_wanted(const std::string &type)
{
    std::vector<std::string> wanted;
    for (const Endpoint &endpoint : load_endpoints())
        if (endpoint.server_type == type)
            wanted.push_back(endpoint.needed_option());
    return wanted;
}

void check_type(const std::string &type, Findings &findings)
{
    const bool known = type_bit(type) != 0;
    findings.push_back(
        {"type", known, known ? type : "it is none of abs, autoclient, http",
         known ? "" : "drop the server and create it with TYPE 'abs', 'autoclient' or 'http'"});
}

void check_options(const std::string &server, const Declared &declared, Findings &findings)
{
    const std::vector<std::string> wanted = addresses_wanted(declared.type);
    const size_t before = findings.size();
    for (const auto &[name, value] : declared.options) {
        const std::string alter = "ALTER SERVER " + server + " OPTIONS (";
        if (std::string reason = refuse_option(Place::server, name, value, declared.type); !reason.empty()) {
            findings.push_back(
                {"option " + name, false, reason, alter + "SET " + name + " '...') or (DROP " + name + ")"});
            continue;
        }
        const bool own = find_option(Place::server, name)->name == nullptr;
        if (!own || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
            continue;
        std::vector<std::string> names = option_names(Place::server, type_bit(declared.type));
        names.insert(names.end(), wanted.begin(), wanted.end());
        const std::string near = nearest(name, names);
        findings.push_back({"option " + name, false, "no endpoint of type " + declared.type + " uses it",
                            near.empty() ? "add the endpoint, or " + alter + "DROP " + name + ")"
                                         : "perhaps you meant " + near});
    }
    if (findings.size() == before)
        findings.push_back({"options", true, std::to_string(declared.options.size()) + " set", ""});
}

void check_files(const Declared &declared, Findings &findings)
{
    for (const auto &[name, value] : declared.options) {
        const Option *rule = find_option(Place::server, name);
        if (rule == nullptr || rule->kind != Kind::file)
            continue;
        const std::string reason = refuse_file(value);
        findings.push_back({"file of " + name, reason.empty(), reason.empty() ? "readable" : reason,
                            reason.empty() ? "" : "let the operating system user of the server read it"});
    }
}

// The secret of a mapping, in a file or inline.
Finding check_secret(const std::string &name, const std::string &value, const std::string &whose)
{
    const Option *rule = find_option(Place::mapping, name);
    if (rule == nullptr || rule->kind != Kind::file)
        return {"credentials", true, name + ", inline, mapping " + whose, ""};
    try {
        const bool header = name != "password_file";
        if (const std::string reason = refuse_secret(read_secret(value), header); !reason.empty())
            throw BadSecret(reason);
    } catch (const BadSecret &error) {
        return {"credentials", false, "the file of " + name + " cannot be used: " + error.what(),
                "put the secret alone into it and let the operating system user of the server read it"};
    }
    if (readable_by_all(value))
        return {"credentials", false, "everybody on this machine may read the file of " + name,
                "chmod 600, owned by the operating system user of the server"};
    return {"credentials", true, name + ", mapping " + whose, ""};
}

void check_credentials(const Declared &declared, Findings &findings)
{
    const std::string whose = declared.whose == Declared::Mapping::own ? "of this role" : "of PUBLIC";
    const size_t before = findings.size();
    for (const auto &[name, value] : declared.mapping)
        if (name != "user")
            findings.push_back(check_secret(name, value, whose));
    if (findings.size() == before)
        findings.push_back({"credentials", true, "none: requests carry no secret", ""});
}

std::string remedy_for(http::Failure failure)
{
    switch (failure) {
    case http::Failure::resolve:
        return "check the host name in the address, and the name resolution of this machine";
    case http::Failure::connect:
    case http::Failure::timeout:
        return "check the address and port, the firewall, and whether option proxy is needed";
    case http::Failure::certificate:
        return "install ca-certificates or name the bank's authority in option ca_file, our certificate in "
               "cert_file and key_file";
    case http::Failure::tls:
        return "check that this port speaks https, and option tls_min";
    default:
        return {};
    }
}

Finding check_connection(const Server &server, const std::string &origin)
{
    http::Request request;
    request.url = origin + "/";
    request.tls = server.tls;
    request.proxy = server.proxy;
    request.connect_timeout = request.timeout = server.connect_timeout;
    request.fresh_connection = request.connect_only = true;
    request.allow_http = server.allow_http;
    request.loopback_only = !activated();
    const std::string item = "connect " + origin;
    try {
        require_sendable(request, server);
        const http::Response response = transfer(request);
        if (response.failure == http::Failure::forbidden_address)
            refuse_address(request, server);
        if (response.failure != http::Failure::none)
            return {item, false, response.error, remedy_for(response.failure)};
    } catch (const pg::Error &error) {
        return {item, false, error.message, error.hint};
    }
    const bool secure = origin.starts_with("https:");
    return {item, true,
            !secure             ? "connected"
            : server.tls.verify ? "connected, certificate accepted"
                                : "connected, certificate not verified",
            ""};
}

void check_connections(const Server &server, Findings &findings)
{
    std::set<std::string> origins;
    for (const auto &[name, value] : server.options)
        if (find_option(Place::server, name)->kind == Kind::url)
            origins.insert(http::parse_url(http::complete_url(value)).origin());
    if (origins.empty())
        findings.push_back(
            {"address", false, "the server has no address", "ALTER SERVER ... OPTIONS (ADD base_url '...')"});
    for (const std::string &origin : origins)
        findings.push_back(check_connection(server, origin));
}

void check_hours(const Server &server, Findings &findings)
{
    if (server.record)
        findings.push_back({"mode", true, "record: requests are built and recorded, none is sent", ""});
    if (server.send_window.always())
        return;
    const TimestampTz now = GetCurrentTimestamp(), opens = window_opens(server, now);
    findings.push_back({"send_window", true,
                        opens <= now ? "open" : std::string("closed, opens at ") + pg::call([&] {
                                                    return timestamptz_to_str(opens);
                                                }),
                        ""});
}

Findings check_server(const std::string &name, Oid role)
{
    Findings findings;
    const Declared found = declared(name, role);
    check_type(found.type, findings);
    check_options(name, found, findings);
    check_files(found, findings);
    check_credentials(found, findings);
    try {
        const auto server = load_server(name, role);
        check_hours(*server, findings);
        check_connections(*server, findings);
    } catch (const pg::Error &error) {
        const bool told =
            std::any_of(findings.begin(), findings.end(), [](const Finding &each) { return !each.ok; });
        if (!told)
            findings.push_back({"server", false, error.message, error.hint});
        findings.push_back(
            {"connect", false, "not tried: the server cannot be used as it is", "mend the items above"});
    }
    return findings;
}

void put(Tuplestorestate *store, TupleDesc row, const Finding &finding)
{
    pg::call([&] {
        Datum values[] = {CStringGetTextDatum(finding.item.c_str()), BoolGetDatum(finding.ok),
                          CStringGetTextDatum(finding.detail.c_str()),
                          CStringGetTextDatum(finding.remedy.c_str())};
        bool nulls[] = {false, false, false, finding.remedy.empty()};
        tuplestore_putvalues(store, row, values, nulls);
    });
}

} // namespace

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_check_server);

// k2bridge.check_server_as_owner(server name) → setof (item, ok, detail, remedy)
PGDLLEXPORT Datum k2bridge_check_server(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("server must not be null"));
    const char *server = NameStr(*PG_GETARG_NAME(0));
    InitMaterializedSRF(fcinfo, 0);
    const ReturnSetInfo *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    return pg::entry([=]() -> Datum {
        for (const outbox::Finding &finding : outbox::check_server(server, pg::caller()))
            outbox::put(result->setResult, result->setDesc, finding);
        return Datum(0);
    });
}
}
