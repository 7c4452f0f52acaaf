// See server.hpp. What was read is kept per process until DDL on servers or mappings, or a changed file,
// makes it old.
#include "outbox/server.hpp"
#include "outbox/options.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"
#include "settings.hpp"

extern "C" {
#include "access/reloptions.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/parsenodes.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/inval.h"
#include "utils/syscache.h"
}

namespace outbox
{

namespace
{

using Options = std::map<std::string, std::string>;

// Everything a Server is made from; equal sources give equal servers.
struct Source {
    Oid oid{InvalidOid};
    std::string type, zone;
    Options options, mapping;
    Declared::Mapping whose{Declared::Mapping::none};
    std::vector<std::pair<std::string, FileStamp>> files;
    bool operator==(const Source &) const = default;
};

struct Entry {
    uint64 era; // of the catalogs
    Source source;
    std::shared_ptr<const Server> server;
};

uint64 catalog_era = 1; // counts invalidations of servers and mappings
uint64 last_version;

using Key = std::pair<std::string, Oid>;
constexpr size_t cache_limit = 4096;
std::map<Key, Entry> *cache; // never freed
std::map<std::pair<std::string, std::string>, std::pair<uint64, std::string>>
    *resolved; // (type, option), never freed

void forget(Datum, int, uint32)
{
    ++catalog_era;
}

void prepare_caches()
{
    if (cache != nullptr)
        return;
    resolved = new std::remove_pointer_t<decltype(resolved)>;
    pg::call([] {
        CacheRegisterSyscacheCallback(FOREIGNSERVEROID, forget, 0);
        CacheRegisterSyscacheCallback(USERMAPPINGOID, forget, 0);
    });
    cache = new std::map<Key, Entry>;
}

void copy_options(List *definitions, Options &options)
{
    for (int i = 0; i < list_length(definitions); ++i) {
        const DefElem *definition = static_cast<const DefElem *>(list_nth(definitions, i));
        options[definition->defname] = strVal(definition->arg);
    }
}

// The options of the mapping of `role` or, where it has none, of PUBLIC.
List *mapping_options(Oid server, Oid role, Declared::Mapping *whose)
{
    *whose = Declared::Mapping::own;
    HeapTuple tuple =
        SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role), ObjectIdGetDatum(server));
    if (!HeapTupleIsValid(tuple)) {
        *whose = Declared::Mapping::everybody;
        tuple =
            SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid), ObjectIdGetDatum(server));
    }
    if (!HeapTupleIsValid(tuple)) {
        *whose = Declared::Mapping::none;
        return NIL;
    }
    bool null;
    const Datum packed = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions, &null);
    List *options = null ? NIL : untransformRelOptions(packed);
    ReleaseSysCache(tuple);
    return options;
}

const ForeignServer *find_server(const std::string &name)
{
    const ForeignServer *found = pg::call([&]() -> const ForeignServer * {
        return name.size() < NAMEDATALEN ? GetForeignServerByName(name.c_str(), true) : nullptr;
    });
    if (found == nullptr)
        throw pg::Error(ERRCODE_UNDEFINED_OBJECT, "server \"" + name + "\" does not exist", {},
                        "CREATE SERVER ... FOREIGN DATA WRAPPER k2bridge makes one.");
    const bool ours =
        pg::call([&] { return strcmp(GetForeignDataWrapper(found->fdwid)->fdwname, "k2bridge") == 0; });
    if (!ours)
        throw pg::Error(ERRCODE_WRONG_OBJECT_TYPE,
                        "server \"" + name + "\" does not belong to foreign-data wrapper k2bridge");
    return found;
}

// Files whose change makes the server another one: secrets, certificates, keys.
void stamp_files(Source &source)
{
    source.files.clear();
    for (const auto &[place, options] :
         {std::pair(Place::server, &source.options), {Place::mapping, &source.mapping}})
        for (const auto &[name, value] : *options)
            if (const Option *rule = find_option(place, name); rule != nullptr && rule->kind == Kind::file)
                source.files.emplace_back(value, stamp(value));
}

Source read_source(const std::string &name, Oid role)
{
    const ForeignServer *server = find_server(name);
    Source source;
    source.oid = server->serverid;
    source.type = server->servertype ? server->servertype : "";
    source.zone = settings::timezone;
    copy_options(server->options, source.options);
    copy_options(pg::call([&] { return mapping_options(server->serverid, role, &source.whose); }),
                 source.mapping);
    stamp_files(source);
    return source;
}

[[noreturn]] void unusable(const Server &server, const std::string &option, const std::string &reason)
{
    throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE,
                    "option \"" + option + "\" of server \"" + server.name + "\" cannot be used: " + reason,
                    {},
                    "ALTER SERVER " + server.name + " OPTIONS (SET ...) changes it, (DROP ...) removes it.");
}

void check_options(const Server &server, Place place, const Options &options)
{
    for (const auto &[name, value] : options)
        if (const std::string reason = refuse_option(place, name, value, server.type); !reason.empty())
            unusable(server, name, reason);
}

// Calls `take` with the value of an option that is set and, check_options has seen to it, well-formed.
template <class F> void with_option(const Server &server, const char *name, F &&take)
{
    if (const std::string *value = server.option(name))
        take(*value);
}

void read_tls(Server &server)
{
    with_option(server, "verify_tls", [&](const auto &value) { server.tls.verify = *read_boolean(value); });
    with_option(server, "ca_file", [&](const auto &value) { server.tls.ca_file = value; });
    with_option(server, "cert_file", [&](const auto &value) { server.tls.cert_file = value; });
    with_option(server, "key_file", [&](const auto &value) { server.tls.key_file = value; });
    if (const std::string *least = server.option("tls_min"); least != nullptr && *least == "1.3")
        server.tls.minimum = http::Tls::Version::tls1_3;
}

void read_limits(Server &server)
{
    server.max_connections = server.type == "autoclient" ? 8 : 4;
    with_option(server, "connect_timeout",
                [&](const auto &value) { server.connect_timeout = *read_milliseconds(value); });
    with_option(server, "timeout", [&](const auto &value) { server.timeout = *read_milliseconds(value); });
    with_option(server, "max_connections",
                [&](const auto &value) { server.max_connections = *read_connections(value); });
    with_option(server, "rate_limit", [&](const auto &value) { server.rate_limit = *read_rate(value); });
    with_option(server, "send_window", [&](const auto &value) {
        const auto [from, to] = *read_window(value);
        server.send_window = {from, to};
    });
    with_option(server, "mode", [&](const auto &value) { server.record = value == "record"; });
}

// PrivatBank counts in Kyiv's time, whose name older tz databases spell differently.
std::string default_zone(const Server &server, const std::string &own)
{
    if (server.type != "autoclient")
        return own;
    return pg::call([] { return pg_tzset("Europe/Kyiv") != nullptr; }) ? "Europe/Kyiv" : "Europe/Kiev";
}

std::string secret_in_file(const Server &server, const std::string &option, const std::string &path)
{
    try {
        return read_secret(path);
    } catch (const BadSecret &error) {
        throw pg::Error(
            ERRCODE_IO_ERROR,
            "the file of option \"" + option + "\" in the user mapping for server \"" + server.name +
                "\" cannot be used: " + error.what(),
            {}, "It must hold the secret alone and be readable by the operating system user of the server.");
    }
}

void read_credentials(Server &server, const Options &mapping)
{
    const auto secret = [&](const std::string &name) -> std::optional<std::string> {
        if (const auto found = mapping.find(name); found != mapping.end())
            return found->second;
        if (const auto file = mapping.find(name + "_file"); file != mapping.end())
            return secret_in_file(server, file->first, file->second);
        return {};
    };
    using Kind = http::Credentials::Kind;
    if (const auto token = secret("token")) {
        const std::string *header = server.option("token_header");
        server.credentials = {Kind::header, header ? *header : "token", *token};
    } else if (const auto bearer = secret("bearer")) {
        server.credentials = {Kind::bearer, {}, *bearer};
    } else if (const auto password = secret("password")) {
        server.credentials = {Kind::basic, mapping.at("user"), *password};
    }
    if (server.credentials.kind == Kind::none || server.credentials.kind == Kind::basic)
        return;
    if (const std::string reason = refuse_secret(server.credentials.secret, true); !reason.empty())
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE, "the secret in the user mapping for server \"" +
                                                             server.name + "\" cannot be used: " + reason);
}

std::shared_ptr<const Server> make_server(const std::string &name, const Source &source)
{
    auto server = std::make_shared<Server>();
    server->oid = source.oid;
    server->name = name;
    server->type = source.type;
    server->options = source.options;
    if (type_bit(source.type) == 0)
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE,
                        "server \"" + name + "\" is of no type that k2bridge knows", {},
                        "CREATE SERVER ... TYPE 'abs', 'autoclient' or 'http'; the type cannot be altered.");
    check_options(*server, Place::server, source.options);
    check_options(*server, Place::mapping, source.mapping);
    read_limits(*server);
    read_tls(*server);
    with_option(*server, "proxy", [&](const auto &value) { server->proxy = value; });
    with_option(*server, "allow_http", [&](const auto &value) { server->allow_http = *read_boolean(value); });
    with_option(*server, "charset",
                [&](const auto &value) { server->windows_1251 = *read_windows_1251(value); });
    const std::string *agent = server->option("user_agent");
    server->user_agent = agent ? *agent : "k2bridge/" K2BRIDGE_VERSION;
    const std::string *zone = server->option("timezone");
    server->time_zone = zone ? *zone : default_zone(*server, source.zone);
    read_credentials(*server, source.mapping);
    server->version = ++last_version;
    return server;
}

bool files_unchanged(const Source &source)
{
    for (const auto &[path, stamped] : source.files)
        if (!(stamp(path) == stamped))
            return false;
    return true;
}

constexpr const char *resolve_sql =
    "SELECT s.srvname FROM pg_catalog.pg_foreign_server s"
    " JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw"
    " WHERE w.fdwname OPERATOR(pg_catalog.=) 'k2bridge' AND s.srvtype OPERATOR(pg_catalog.=) $1"
    " AND EXISTS (SELECT FROM pg_catalog.pg_options_to_table(s.srvoptions) o"
    " WHERE o.option_name OPERATOR(pg_catalog.=) $2) ORDER BY s.srvname";

pg::Statement resolve(resolve_sql, TEXTOID, TEXTOID);

std::vector<std::string> servers_with(const std::string &type, const std::string &option)
{
    std::vector<std::string> names;
    pg::call([&] {
        SPI_connect();
        const uint64 count = pg::run(resolve, {pg::text_datum(type), pg::text_datum(option)});
        names.resize(count);
        for (uint64 row = 0; row < count; ++row)
            pg::cell_text(row, 1, names[row]);
        SPI_finish();
    });
    return names;
}

std::string quoted_list(const std::vector<std::string> &names)
{
    std::string text;
    for (const std::string &name : names)
        text += (text.empty() ? "\"" : ", \"") + name + "\"";
    return text;
}

} // namespace

const std::string *Server::option(const std::string &option_name) const
{
    const auto found = options.find(option_name);
    return found == options.end() ? nullptr : &found->second;
}

std::shared_ptr<const Server> load_server(const std::string &name, unsigned role)
{
    prepare_caches();
    const Key key(name, role);
    const auto known = cache->find(key);
    if (known != cache->end() && known->second.era == catalog_era &&
        known->second.source.zone == settings::timezone && files_unchanged(known->second.source))
        return known->second.server;
    const uint64 era = catalog_era; // an invalidation while we read must not be lost
    Source source = read_source(name, role);
    if (known != cache->end() && known->second.source == source) {
        known->second.era = era;
        return known->second.server;
    }
    std::shared_ptr<const Server> server = make_server(name, source);
    if (cache->size() >= cache_limit)
        cache->clear();
    cache->insert_or_assign(key, Entry{era, std::move(source), server});
    return server;
}

std::uint64_t servers_era()
{
    prepare_caches();
    return catalog_era;
}

Declared declared(const std::string &name, unsigned role)
{
    Source source = read_source(name, role);
    return {std::move(source.type), std::move(source.options), std::move(source.mapping), source.whose};
}

std::string resolve_server(const Endpoint &endpoint)
{
    prepare_caches();
    const std::pair key(endpoint.server_type, endpoint.needed_option());
    const auto known = resolved->find(key);
    if (known != resolved->end() && known->second.first == catalog_era)
        return known->second.second;
    const uint64 era = catalog_era;
    const std::vector<std::string> names = servers_with(key.first, key.second);
    if (names.empty())
        throw pg::Error(
            ERRCODE_INVALID_PARAMETER_VALUE, "no server of type " + key.first + " has option " + key.second,
            "Endpoint \"" + endpoint.name + "\" takes its address from that option.",
            "CREATE SERVER ... TYPE '" + key.first + "' FOREIGN DATA WRAPPER k2bridge OPTIONS (" +
                key.second + " '...'), or ALTER SERVER ... OPTIONS (ADD " + key.second + " '...').");
    if (names.size() > 1)
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE,
                        "more than one server of type " + key.first + " has option " + key.second,
                        "They are: " + quoted_list(names) + ".",
                        "Pass the server's name as argument \"server\".");
    resolved->insert_or_assign(key, std::pair(era, names[0]));
    return names[0];
}

std::int64_t window_opens(const Server &server, std::int64_t now)
{
    if (server.send_window.always())
        return now;
    return pg::call([&]() -> std::int64_t {
        pg_tz *zone = pg_tzset(server.time_zone.c_str());
        struct pg_tm tm;
        fsec_t fraction;
        int offset;
        if (zone == nullptr || timestamp2tm(now, &offset, &tm, &fraction, nullptr, zone) != 0)
            ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                    errmsg("time of server \"%s\" is out of range", server.name.c_str()));
        const int minute = tm.tm_hour * 60 + tm.tm_min, from = server.send_window.from,
                  to = server.send_window.to;
        const bool open = from < to ? minute >= from && minute < to : minute >= from || minute < to;
        if (open)
            return now;
        tm.tm_mday += minute < from ? 0 : 1; // date2j carries it over the end of the month
        j2date(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday), &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
        tm.tm_hour = from / 60;
        tm.tm_min = from % 60;
        tm.tm_sec = 0;
        offset = DetermineTimeZoneOffset(&tm, zone);
        Timestamp opens;
        if (tm2timestamp(&tm, 0, &offset, &opens) != 0)
            ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                    errmsg("time of server \"%s\" is out of range", server.name.c_str()));
        return Max(opens, now);
    });
}

} // namespace outbox
