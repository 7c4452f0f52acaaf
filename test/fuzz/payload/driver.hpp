// What the fuzzers that talk to a server share: their options, their samples, and the loop over the seeds.
#pragma once

#include "json.hpp"

#include <cstdint>
#include <functional>
#include <random>
#include <string>

namespace fuzz
{

struct Options {
    std::string samples, findings = ".", conninfo;
    long seconds = 60, runs = 0; // runs: so many cases, however long they take
    std::uint64_t seed = std::random_device{}();
};

// Reads pairs "--name value"; `more` takes those that only one program knows, false: nobody knows it. Throws
// std::runtime_error with the usage where they cannot be used.
Options read_options(int argc, char **argv, const std::string &usage,
                     const std::function<bool(const std::string &name, const std::string &value)> &more = {});

std::string content_of(const std::string &path); // throws std::runtime_error

// The sample payload of this name; of a batch its first item.
Json sample(const Options &options, const std::string &name);

// Calls `one` with seed after seed, and with how many were before, until the time is over, the runs are done
// or it returns false; returns how many.
long for_each_seed(const Options &options, const std::function<bool(std::uint64_t seed, long before)> &one);

// Runs the program; its exit status: what it returns, 2 when it throws.
int run_program(const char *name, const std::function<int()> &program);

} // namespace fuzz
