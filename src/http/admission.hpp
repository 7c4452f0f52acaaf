// Who may run: the engine's waiting lists, one per scheme, host and port, under a limit per host and one for
// all. Hosts with room are served in turn, the transfers of one host in order. Only bookkeeping; every call
// is O(1) but withdraw().
#pragma once

#include "http/core_only.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace http
{

class Admission
{
public:
    struct Host;

    Admission(std::size_t total, std::size_t per_host) noexcept : total_(total), per_host_(per_host) {}

    /// Appends a transfer to the list of `origin`. The host lives until its last transfer is done or
    /// withdrawn.
    Host *enqueue(std::uint64_t tag, const std::string &origin);

    /// Whether next() may have something.
    bool ready() const noexcept { return running_ < total_ && !ready_.empty(); }

    /// The next transfer to run, which counts as running from now on; empty when nothing may.
    std::optional<std::uint64_t> next();

    /// A running transfer of `host` has ended.
    void done(Host *host);

    /// A waiting transfer of `host` is given up.
    void withdraw(std::uint64_t tag, Host *host);

private:
    void list(Host &host);
    void release(Host &host);

    std::size_t total_;
    std::size_t per_host_;
    std::size_t running_{0};
    std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;
    std::deque<Host *> ready_; ///< hosts with a waiting transfer and room for it
};

struct Admission::Host {
    std::string origin;
    std::size_t running{0};
    std::deque<std::uint64_t> waiting;
    bool listed{false}; ///< in ready_
};

} // namespace http
