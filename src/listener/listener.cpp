// The listener's turn (see listener.hpp) and the entry point of its process.
#include "listener/sockets.hpp"

#include "listener/listener.hpp"

#include "listener/batch.hpp"
#include "listener/counting.hpp"
#include "listener/pulse.hpp"
#include "listener/files.hpp"

#include <algorithm>
#include <cstring>

extern "C" {
#include "storage/fd.h"
}

namespace listener
{

using namespace std::chrono_literals;

namespace
{

constexpr size_t largest_batch = 50;
constexpr int batches_per_turn = 20;
constexpr size_t requests_in_memory = 8;              // of the largest size
constexpr std::chrono::milliseconds retry_pause = 5s; // before settings that cannot be used are tried again
constexpr std::chrono::milliseconds sibling_pause = 20ms; // while another listener binds the port
constexpr auto patience = 10s;                            // with the connections of a server that retires

// The content of a file that a setting names, read as the server; empty for none.
std::string content_of(const char *setting, const char *path)
{
    std::string content;
    if (*path == '\0')
        return content;
    pg::call([&] {
        FILE *file = AllocateFile(path, "rb");
        if (file == nullptr)
            ereport(ERROR, errcode_for_file_access(),
                    errmsg("could not open file \"%s\" of %s: %m", path, setting));
        char buffer[4096];
        while (const size_t size = fread(buffer, 1, sizeof buffer, file))
            content.append(buffer, size);
        FreeFile(file);
    });
    return content;
}

Options wanted_options()
{
    Options options;
    options.port = settings::listen_port;
    options.addresses = settings::listen_addresses;
    options.certificate = content_of("k2bridge.tls_cert_file", settings::tls_cert_file);
    options.key = content_of("k2bridge.tls_key_file", settings::tls_key_file);
    options.client_ca = content_of("k2bridge.tls_ca_file", settings::tls_ca_file);
    if (options.certificate.empty() != options.key.empty() ||
        (!options.client_ca.empty() && options.certificate.empty()))
        throw pg::Error(ERRCODE_CONFIG_FILE_ERROR, "TLS of the listener needs both a certificate and its key",
                        {}, "Set k2bridge.tls_cert_file and k2bridge.tls_key_file.");
    const auto proxies = parse_networks(settings::trusted_proxies);
    if (!proxies)
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE, "k2bridge.trusted_proxies is no list of networks");
    options.trusted_proxies = *proxies;
    return options;
}

// The claim of the port among the workers of the cluster; nothing while a sibling is still binding it.
std::optional<bool> claim(int port)
{
    switch (pg::call([&] { return pg::roster::claim_port(port); })) {
    case pg::roster::Claim::first:
        return true;
    case pg::roster::Claim::shared:
        return false;
    case pg::roster::Claim::later:
        return std::nullopt;
    case pg::roster::Claim::taken:
        break;
    }
    throw pg::Error(ERRCODE_OBJECT_IN_USE,
                    "port " + std::to_string(port) + " is taken by the listener of another database", {},
                    "Give each database a k2bridge.listen_port of its own.");
}

// Back to the port that is still listened on.
void reclaim(int port)
{
    claim(port);
    pg::roster::tell_bound();
}

} // namespace

// The new server listens before the old one retires: nobody is turned away meanwhile, and where it cannot,
// the old one stays.
void Listener::open(const Options &options)
{
    const bool same_place =
        server && server->options().port == options.port && server->options().addresses == options.addresses;
    const auto alone = same_place ? std::optional(false) : claim(options.port);
    waits_for_sibling = !alone;
    if (!alone)
        return;
    std::vector<int> sockets;
    std::unique_ptr<Server> opened;
    try {
        const bool is_ours = server && server->options().port == options.port;
        sockets = same_place ? server->listening()
                             : open_sockets(options.addresses, options.port, *alone && !is_ours);
        opened = std::make_unique<Server>(
            options, sockets, [this](Exchange &exchange) { return judge(catalog, exchange); }, count_reply);
    } catch (const std::runtime_error &error) {
        if (!server)
            pg::roster::release_port();
        else if (!same_place)
            reclaim(server->options().port);
        throw pg::Error(
            ERRCODE_OBJECT_IN_USE, error.what(), {},
            "Correct k2bridge.listen_addresses and k2bridge.listen_port, or stop what listens there.");
    }
    retire_server();
    server = std::move(opened);
    pg::roster::tell_bound();
    pg::roster::tell_state(("listening on port " + std::to_string(options.port)).c_str());
}

void Listener::retire_server()
{
    if (!server)
        return;
    server->step(); // accepts who already waits
    server->retire(patience);
    retired.emplace_back(std::move(server), Clock::now() + patience);
}

void Listener::step_retired()
{
    for (auto &[old, until] : retired) {
        old->step();
        serve_ready(*old);
        send_files(*old);
        old->step();
    }
    std::erase_if(retired, [](const auto &old) { return old.first->empty() || old.second < Clock::now(); });
}

void Listener::use_settings()
{
    const Options options = wanted_options();
    waits_for_sibling = false;
    if (!server || !(server->options() == options))
        open(options);
    if (!server)
        return;
    const size_t largest = static_cast<size_t>(settings::max_request_size) * 1024;
    server->limit(
        {largest, largest * requests_in_memory, std::chrono::milliseconds(settings::request_timeout)});
}

// Settings that cannot be used are named in the status and tried again; who served before goes on.
void Listener::take_up_settings()
{
    const auto error = pg::attempt([this] { use_settings(); });
    const bool settled = !error && server && !waits_for_sibling;
    settings_due = settled ? Clock::time_point::max() : Clock::now() + (error ? retry_pause : sibling_pause);
    if (!error) {
        if (complained)
            pg::roster::tell_error(nullptr);
        complained = false;
        return;
    }
    if (!server)
        pg::raise(*error);
    pg::roll_back();
    if (!complained)
        pg::log_error(WARNING, *error);
    pg::roster::tell_error(error->message.c_str(), error->hint.c_str());
    complained = true;
}

void Listener::read_clients()
{
    Catalog found;
    const auto error = pg::transaction({"reading clients and services"}, [&found] { read_catalog(found); });
    catalog_read = Clock::now();
    if (!error) {
        catalog = std::move(found);
    } else {
        if (catalog.trouble != error->message)
            pg::log_error(WARNING, *error);
        catalog.trouble = error->message;
    }
    if (outdated)
        catalog.trouble = "library, functions or tables of k2bridge are of another version than the rest";
    tell_health();
}

void Listener::tell_health()
{
    const Message message = health(catalog);
    health_reply = last_reply(message, print(random_uuid()));
    health_head = health_reply.size() - message.body.size();
}

void Listener::refresh()
{
    const auto age = Clock::now() - catalog_read;
    if (age > 1s || (server->holds() && age > 50ms))
        read_clients();
    if (server->holds())
        server->judge_held();
}

// One batch; /healthz is answered meanwhile where nothing is encrypted.
void Listener::run(Server &from)
{
    std::optional<Pulse> pulse;
    if (server && server->options().certificate.empty())
        pulse.emplace(server->sockets(), health_reply, health_head);
    run_batch(from.take_ready(largest_batch, shares),
              [&from](Exchange &exchange, const Message &message) { from.answer(exchange, message); });
    pulse.reset();
    take_arrivals();
}

void Listener::take_arrivals()
{
    if (!server)
        return;
    count_health(health(catalog), Pulse::answered());
    for (const Arrival &arrival : Pulse::arrivals())
        server->adopt(arrival);
}

void Listener::serve_ready(Server &from)
{
    for (int batch = 0; batch < batches_per_turn && from.ready(); ++batch) {
        run(from);
        pg::check_interrupts();
        from.step();
    }
}

void Listener::send_files(Server &from)
{
    for (const auto &stream : from.hungry())
        from.feed(*stream, next_piece(*stream));
}

long Listener::turn()
{
    if (wanted() && (!server || Clock::now() >= settings_due))
        take_up_settings();
    step_retired();
    if (!server)
        return 20;
    refresh();
    take_arrivals(); // whom a batch that failed left behind
    server->step();
    serve_ready(*server);
    send_files(*server);
    server->step();
    if (server->ready() || !server->hungry().empty())
        return 0;
    return retired.empty() ? server->timeout() : std::min(server->timeout(), 20L);
}

bool Listener::wanted()
{
    return settings::listen_port != 0 && pg::worker_index() < settings::listeners;
}

pg::Stay Listener::look()
{
    const pg::Stay stay = pg::Work::look();
    if (stay == pg::Stay::leave)
        return stay;
    outdated = stay == pg::Stay::idle;
    if (wanted())
        return pg::Stay::work;
    if (server) {
        retire_server();
        pg::roster::release_port();
        pg::roster::tell_state("closing");
    }
    if (!retired.empty())
        return pg::Stay::work;
    pg::roster::tell_leaving(pg::Left::asked);
    return pg::Stay::leave;
}

} // namespace listener

extern "C" PGDLLEXPORT void k2bridge_listener_main(Datum argument);

void k2bridge_listener_main(Datum argument)
{
    if (!pg::start_worker(pg::Worker::listener, argument))
        proc_exit(0);
    pg::entry([] {
        listener::Listener worker;
        pg::run_loop(worker);
    });
    proc_exit(0);
}
