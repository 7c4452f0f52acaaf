// The listener's turn (see listener.hpp) and the entry point of its process.
#include "listener/listener.hpp"

#include "listener/batch.hpp"
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
constexpr size_t requests_in_memory = 8; // of the largest size

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

} // namespace

void Listener::open(const Options &options)
{
    server.reset();
    pg::roster::release_port();
    const auto alone = claim(options.port);
    if (!alone)
        return;
    try {
        server = std::make_unique<Server>(options, *alone,
                                          [this](Exchange &exchange) { return judge(catalog, exchange); });
    } catch (const std::runtime_error &error) {
        pg::roster::release_port();
        throw pg::Error(
            ERRCODE_OBJECT_IN_USE, error.what(), {},
            "Correct k2bridge.listen_addresses and k2bridge.listen_port, or stop what listens there.");
    }
    pg::roster::tell_bound();
    pg::roster::tell_state(("listening on port " + std::to_string(options.port)).c_str());
}

void Listener::take_up_settings()
{
    const Options options = wanted_options();
    if (!server || !(server->options() == options))
        open(options);
    if (!server)
        return;
    const size_t largest = static_cast<size_t>(settings::max_request_size) * 1024;
    server->limit(
        {largest, largest * requests_in_memory, std::chrono::milliseconds(settings::request_timeout)});
    settings_read = true;
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
        catalog.trouble = "the tables of k2bridge are of another version than its functions";
}

void Listener::refresh()
{
    const auto age = Clock::now() - catalog_read;
    if (age > 1s || (server->holds() && age > 50ms))
        read_clients();
    if (server->holds())
        server->judge_held();
}

void Listener::serve_ready()
{
    for (int batch = 0; batch < batches_per_turn && server->ready(); ++batch) {
        const auto exchanges = server->take_ready(largest_batch, shares);
        const auto messages = run_batch(exchanges);
        for (size_t i = 0; i < exchanges.size(); ++i)
            server->answer(*exchanges[i], messages[i]);
        pg::check_interrupts();
        server->step();
    }
}

void Listener::send_files()
{
    for (const auto &stream : server->hungry())
        server->feed(*stream, next_piece(*stream));
}

long Listener::turn()
{
    if (!settings_read || !server)
        take_up_settings();
    if (!server)
        return 20;
    refresh();
    server->step();
    serve_ready();
    send_files();
    server->step();
    return server->ready() || !server->hungry().empty() ? 0 : server->timeout();
}

pg::Stay Listener::look()
{
    const pg::Stay stay = pg::Work::look();
    if (stay == pg::Stay::leave)
        return stay;
    outdated = stay == pg::Stay::idle;
    if (settings::listen_port == 0 || pg::worker_index() >= settings::listeners) {
        pg::roster::tell_leaving(pg::Left::asked);
        return pg::Stay::leave;
    }
    return pg::Stay::work;
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
