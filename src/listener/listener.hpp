// The listener: one of the processes that serve a database's services over HTTP.
//
// Each turn: take up changed settings, read clients and services (once a second, and when a login failed),
// let the server read and write, run what is ready in batches, send the pieces of files. A server whose
// settings changed stays until its connections have gone. Include before pg/*.hpp.
#pragma once

#include "listener/catalog.hpp"

#include "pg/worker.hpp"

namespace listener
{

class Listener : public pg::Work
{
public:
    long turn() override;
    int descriptor() const override { return server ? server->descriptor() : -1; }
    void reloaded() override { settings_due = {}; }
    pg::Stay look() override;

private:
    void take_up_settings();
    void use_settings();
    void open(const Options &options);
    void retire_server();
    void step_retired();
    static bool wanted();
    void refresh();
    void read_clients();
    void serve_ready(Server &from);
    void run(Server &from);
    void take_arrivals();
    void tell_health();
    void send_files(Server &from);

    std::unique_ptr<Server> server;
    std::vector<std::pair<std::unique_ptr<Server>, Clock::time_point>>
        retired; // and until when they may stay
    Catalog catalog;
    std::string health_reply; // what /healthz answers while a batch runs, a whole HTTP message
    size_t health_head = 0;   // where its body begins
    Clock::time_point catalog_read{};
    Clock::time_point settings_due{}; // when the settings are read (again)
    bool waits_for_sibling = false;   // another process is just binding the port
    bool complained = false;          // of settings that cannot be used
    bool outdated = false;            // library, functions and tables are not of one version
};

} // namespace listener
