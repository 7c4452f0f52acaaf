// See driver.hpp.
#include "driver.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace fuzz
{

namespace
{

bool take(Options &options, const std::string &name, const std::string &value)
{
    if (name == "--samples")
        options.samples = value;
    else if (name == "--findings")
        options.findings = value;
    else if (name == "--conninfo")
        options.conninfo = value;
    else if (name == "--seconds")
        options.seconds = std::stol(value);
    else if (name == "--runs")
        options.runs = std::stol(value);
    else if (name == "--seed")
        options.seed = std::stoull(value);
    else
        return false;
    return true;
}

} // namespace

Options read_options(int argc, char **argv, const std::string &usage,
                     const std::function<bool(const std::string &, const std::string &)> &more)
{
    Options options;
    for (int i = 1; i + 1 < argc; i += 2)
        if (!take(options, argv[i], argv[i + 1]) && (!more || !more(argv[i], argv[i + 1])))
            throw std::runtime_error(std::string("unknown option ") + argv[i]);
    if (argc % 2 == 0 || options.samples.empty())
        throw std::runtime_error("usage: " + usage);
    return options;
}

std::string content_of(const std::string &path)
{
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return text.str();
}

Json sample(const Options &options, const std::string &name)
{
    Json json = parse(content_of(options.samples + "/" + name + ".request.json"));
    if (json.kind == Json::Kind::object && !json.members.empty() && json.members[0].key == "\"items\"")
        json = Json(json.members[0].value);
    return json.kind == Json::Kind::array ? Json(json.items.at(0)) : json;
}

long for_each_seed(const Options &options, const std::function<bool(std::uint64_t, long)> &one)
{
    using Clock = std::chrono::steady_clock;
    std::printf("first seed %llu\n", static_cast<unsigned long long>(options.seed));
    const auto end = Clock::now() + std::chrono::seconds(options.seconds);
    long done = 0;
    while ((options.runs > 0 ? done < options.runs : Clock::now() < end) &&
           one(options.seed + static_cast<std::uint64_t>(done), done))
        ++done;
    std::printf("last seed %llu\n",
                static_cast<unsigned long long>(options.seed) + static_cast<unsigned long long>(done) - 1);
    return done;
}

int run_program(const char *name, const std::function<int()> &program)
{
    try {
        return program();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: %s\n", name, error.what());
        return 2;
    }
}

} // namespace fuzz
