/*
 * k2sandbox: the stand-in bank of the tests, demos and benchmarks. Reads the command line, starts the
 * server, tells its port and waits for SIGTERM or SIGINT.
 *
 * Promises: exits 0 after a clean stop, 2 on a wrong command line, 1 when it cannot start.
 */
#include "bank.h"
#include "server.h"

#include "text.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace
{

constexpr const char *usage =
    "usage: k2sandbox [options]\n"
    "  --port N            port to listen on, 0 (the default) for any free one\n"
    "  --port-file FILE    write the port there once requests are accepted\n"
    "  --pid-file FILE     write the process id there\n"
    "  --listen ADDR       loopback address, 127.0.0.1 by default\n"
    "  --threads N         threads that serve connections, 2 by default\n"
    "  --tls CERT KEY      serve HTTPS with these PEM files\n"
    "  --client-ca FILE    with --tls: require a client certificate of this CA\n"
    "  --idle-timeout S    close connections that are idle for so many seconds\n"
    "  --bearer TOKEN      require this bearer token from callers of the services\n"
    "  --basic USER:PASS   accept this login (several credentials may be given)\n"
    "  --seed N            seed of the fault rules, 1 by default\n"
    "  --journal FILE      append every request to this file, take its requests over at start\n"
    "  --no-log            count requests only\n"
    "  --log-limit N       keep at most so many log entries, 100000 by default\n";

class WrongUsage : public std::runtime_error
{
    using std::runtime_error::runtime_error;
};

struct Settings {
    sandbox::BankOptions bank;
    sandbox::ServerOptions server;
    std::string port_file;
    std::string pid_file;
};

class Arguments
{
public:
    Arguments(int count, char **values) : values_(values + 1, values + count) {}

    bool more() const { return at_ < values_.size(); }

    std::string next(const std::string &option)
    {
        if (!more())
            throw WrongUsage(option + " needs a value");
        return values_[at_++];
    }

    std::uint64_t next_number(const std::string &option, std::uint64_t highest)
    {
        const std::string text = next(option);
        if (!sandbox::is_integer(text) || text.starts_with('-') || text.size() > 18 ||
            std::stoull(text) > highest)
            throw WrongUsage(option + " needs a number from 0 to " + std::to_string(highest));
        return std::stoull(text);
    }

private:
    std::vector<std::string> values_;
    std::size_t at_ = 0;
};

std::string file_text(const std::string &name)
{
    std::ifstream file(name, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read " + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

/* Readers poll for these files, so they appear complete or not at all. */
void write_file(const std::string &name, const std::string &text)
{
    if (name.empty())
        return;
    const std::string draft = name + ".new";
    std::ofstream(draft) << text << '\n';
    if (std::rename(draft.c_str(), name.c_str()) != 0)
        throw std::runtime_error("cannot write " + name);
}

void read_option(Settings &settings, const std::string &option, Arguments &arguments)
{
    if (option == "--port")
        settings.server.port = static_cast<std::uint16_t>(arguments.next_number(option, 65535));
    else if (option == "--port-file")
        settings.port_file = arguments.next(option);
    else if (option == "--pid-file")
        settings.pid_file = arguments.next(option);
    else if (option == "--listen")
        settings.server.address = arguments.next(option);
    else if (option == "--threads")
        settings.server.threads = static_cast<unsigned>(arguments.next_number(option, 64));
    else if (option == "--idle-timeout")
        settings.server.idle_timeout_s = static_cast<unsigned>(arguments.next_number(option, 86400));
    else if (option == "--tls") {
        settings.server.certificate = file_text(arguments.next(option));
        settings.server.key = file_text(arguments.next(option));
    } else if (option == "--client-ca")
        settings.server.client_ca = file_text(arguments.next(option));
    else if (option == "--bearer")
        settings.bank.credentials.push_back(sandbox::bearer_credential("bearer", arguments.next(option)));
    else if (option == "--basic")
        settings.bank.credentials.push_back(sandbox::basic_credential("basic", arguments.next(option)));
    else if (option == "--seed")
        settings.bank.seed = arguments.next_number(option, 999999999999999999ULL);
    else if (option == "--journal")
        settings.bank.journal = arguments.next(option);
    else if (option == "--no-log")
        settings.bank.detail = false;
    else if (option == "--log-limit")
        settings.bank.log_limit = arguments.next_number(option, 100000000);
    else
        throw WrongUsage("unknown option " + option);
}

Settings read_command_line(int count, char **values)
{
    Settings settings;
    Arguments arguments(count, values);
    while (arguments.more())
        read_option(settings, arguments.next(""), arguments);
    if (!settings.server.client_ca.empty() && settings.server.certificate.empty())
        throw WrongUsage("--client-ca needs --tls");
    return settings;
}

void serve(const Settings &settings)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    sandbox::Bank bank(settings.bank);
    const sandbox::Server server(settings.server, bank);
    write_file(settings.pid_file, std::to_string(getpid()));
    write_file(settings.port_file, std::to_string(server.port()));
    std::printf("%u\n", server.port());
    std::fflush(stdout);
    int received = 0;
    sigwait(&signals, &received);
}

} // namespace

int main(int argc, char **argv)
{
    try {
        serve(read_command_line(argc, argv));
        return 0;
    } catch (const WrongUsage &error) {
        std::fprintf(stderr, "k2sandbox: %s\n%s", error.what(), usage);
        return 2;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "k2sandbox: %s\n", error.what());
        return 1;
    }
}
