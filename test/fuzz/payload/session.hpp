// The connection of a fuzzer that goes through one backend: made again when the backend dies, tidied up and
// its memory watched from time to time.
#pragma once

#include "backend.hpp"

#include <optional>
#include <string>
#include <vector>

namespace fuzz
{

class Session
{
public:
    // Connects; the settings ("SET …") are made in every connection.
    Session(std::string conninfo, std::vector<const char *> settings);

    Backend *operator->() { return &*backend_; }

    // After Lost: tries for a minute, since the server may be restarting after a crash.
    void reconnect();

    // Dead rows of the tables go; memory must have come back: says how the backend's contexts grew, nothing
    // as a rule.
    std::optional<std::string> tidy(const std::vector<const char *> &tables);

private:
    void connect();

    std::string conninfo_;
    std::vector<const char *> settings_;
    std::optional<Backend> backend_;
    std::optional<long> settled_; // bytes of its contexts at the first look
};

} // namespace fuzz
