// What the dispatcher knows of endpoints, servers and what is held, and the state of the circuits (see
// dispatcher.hpp).
#include "http/url.hpp"

#include "outbox/dispatcher.hpp"

#include "outbox/activation.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"

#include <algorithm>

namespace outbox
{

void Dispatcher::read_catalog()
{
    servers_read = servers_era();
    catalog.clear();
    for (Endpoint &endpoint : load_endpoints()) {
        const std::string name = endpoint.name;
        catalog.emplace(name, std::make_shared<const Endpoint>(std::move(endpoint)));
    }
    active = activated();
    read_servers();
    read_paused();
    read_lanes();
}

void Dispatcher::read_servers()
{
    static pg::Statement statement(
        "SELECT s.srvname FROM pg_catalog.pg_foreign_server s JOIN"
        " pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE w.fdwname = 'k2bridge'");
    std::vector<std::string> names;
    pg::call([&] {
        const uint64 rows = pg::run(statement, {}, nullptr, true);
        names.resize(rows);
        for (uint64 row = 0; row < rows; ++row)
            pg::cell_text(row, 1, names[row]);
    });
    for (auto &[name, gate] : gates)
        if (gate.exists && std::find(names.begin(), names.end(), name) == names.end()) {
            gate.exists = false;
            gate.server.reset();
            for (const auto &[key, circuit] : circuits)
                if (key.first == name)
                    notes.push_back({name, key.second, "closed", "", "", ""});
        }
    for (const std::string &name : names) {
        Gate &gate = gates[name];
        gate.exists = true;
        const uint64_t former = gate.version();
        try {
            gate.server = load_server(name, InvalidOid);
        } catch (const pg::Error &) {
            gate.server.reset();
        }
        if (gate.server && gate.server->version != former)
            for (auto &[key, circuit] : circuits)
                if (key.first == name)
                    circuit->renew();
    }
}

void Dispatcher::read_paused()
{
    static pg::Statement statement("SELECT coalesce(server, ''), coalesce(endpoint, '') FROM k2bridge.paused"
                                   " WHERE until IS NULL OR until > pg_catalog.clock_timestamp()");
    paused.clear();
    pg::call([&] {
        const uint64 rows = pg::run(statement, {}, nullptr, true);
        for (uint64 row = 0; row < rows; ++row)
            paused.emplace(SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1),
                           SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2));
    });
}

void Dispatcher::read_lanes()
{
    by_priority.clear();
    for (auto &[key, lane] : lanes)
        lane->server.clear();
    const auto add = [this](const std::shared_ptr<const Endpoint> &endpoint, const std::string &server_key) {
        auto &lane = lanes[{endpoint->name, server_key}];
        if (!lane)
            lane = std::make_unique<Lane>();
        lane->endpoint = endpoint;
        lane->server_key = server_key;
        place_lane(*lane);
        by_priority.push_back(lane.get());
    };
    for (const auto &[name, endpoint] : catalog) {
        add(endpoint, "");
        for (const auto &[server, gate] : gates)
            if (gate.server && gate.server->type == endpoint->server_type)
                add(endpoint, server);
    }
    std::stable_sort(by_priority.begin(), by_priority.end(), [](const Lane *a, const Lane *b) {
        return a->endpoint->priority > b->endpoint->priority;
    });
}

// Finds the server and the address that the lane's calls would go to; leaves `server` empty when there is
// none.
void Dispatcher::place_lane(Lane &lane)
{
    lane.server = lane.server_key;
    if (lane.server.empty()) {
        try {
            lane.server = resolve_server(*lane.endpoint);
        } catch (const pg::Error &) {
            return; // shown by k2bridge.problems when rows wait
        }
    }
    const auto gate = gates.find(lane.server);
    const std::string *address = gate == gates.end() || !gate->second.server
                                     ? nullptr
                                     : gate->second.server->option(lane.endpoint->needed_option());
    if (address == nullptr) {
        lane.server.clear();
        return;
    }
    try {
        lane.url = http::complete_url(*address);
        const http::Url url = http::parse_url(lane.url);
        lane.host = url.host;
        lane.origin = url.origin();
    } catch (const http::BadUrl &) {
        lane.server.clear();
    }
}

bool Dispatcher::may_send(const Lane &lane, TimestampTz wall)
{
    if (lane.server.empty())
        return false;
    const std::string &name = lane.endpoint->name;
    for (const auto &held :
         {std::pair<std::string, std::string>{lane.server, ""}, {"", name}, {lane.server, name}, {"", ""}})
        if (paused.count(held) != 0)
            return false;
    if (!lane.endpoint->enabled)
        return true; // to be recorded as skipped
    const Server &server = *gates[lane.server].server;
    if (server.record)
        return true;
    if (!active && !http::is_loopback_host(lane.host))
        return false;
    return window_opens(server, wall) <= wall;
}

Circuit &Dispatcher::circuit_of(const std::string &server, const std::string &origin)
{
    auto &circuit = circuits[{server, origin}];
    if (!circuit)
        circuit = std::make_unique<Circuit>();
    return *circuit;
}

void Dispatcher::note_circuit(const Prepared &call)
{
    notes.push_back({call.job.server, call.origin, call.circuit->word(), call.circuit->reason(), "", ""});
}

void Dispatcher::write_notes()
{
    static pg::Statement well("DELETE FROM k2bridge.server_state WHERE server = $1 AND host = $2", NAMEOID,
                              TEXTOID);
    static pg::Statement ill(
        R"(
        INSERT INTO k2bridge.server_state (server, host, state, reason)
        SELECT $1, $2, $3, $4
         WHERE EXISTS (SELECT FROM pg_catalog.pg_foreign_server s WHERE s.srvname = $1)
            ON CONFLICT (server, host) DO UPDATE
           SET state = $3, reason = $4,
               since = CASE WHEN server_state.state = $3 THEN server_state.since
                            ELSE pg_catalog.clock_timestamp() END)",
        NAMEOID, TEXTOID, TEXTOID, TEXTOID);
    static pg::Statement worked("INSERT INTO k2bridge.address (server, endpoint, url) VALUES ($1, $2, $3)"
                                " ON CONFLICT DO NOTHING",
                                NAMEOID, TEXTOID, TEXTOID);
    if (notes.empty())
        return;
    const std::vector<Note> writing = std::move(notes);
    notes.clear();
    const auto error = pg::transaction({"noting the state of servers"}, [&writing] {
        for (const Note &note : writing)
            pg::call([&note] {
                const Datum server = pg::name_datum(note.server);
                if (!note.url.empty())
                    pg::run(worked, {server, pg::text_datum(note.endpoint), pg::text_datum(note.url)});
                else if (note.state == "closed")
                    pg::run(well, {server, pg::text_datum(note.host)});
                else
                    pg::run(ill, {server, pg::text_datum(note.host), pg::text_datum(note.state),
                                  pg::text_datum(note.reason)});
            });
    });
    if (error)
        pg::log_error(LOG, *error);
}

} // namespace outbox
