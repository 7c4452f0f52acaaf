// The listener: one of the processes that serve a database's services over HTTP.
//
// Each turn: take up changed settings, read clients and services (once a second, and when a login failed),
// let the server read and write, run what is ready in batches, send the pieces of files. Include before
// pg/*.hpp.
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
    void reloaded() override { settings_read = false; }
    pg::Stay look() override;

private:
    void take_up_settings();
    void open(const Options &options);
    void refresh();
    void read_clients();
    void serve_ready();
    void send_files();

    std::unique_ptr<Server> server;
    Catalog catalog;
    Clock::time_point catalog_read{};
    bool settings_read = false;
    bool outdated = false; // tables and functions are of different versions
};

} // namespace listener
