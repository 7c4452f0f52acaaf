// Waiting lists per host; see admission.hpp. A host is listed in ready_ at most once, and only while it has a
// waiting transfer and room for it, so that next() never searches; entries that became stale meanwhile are
// dropped when their turn comes.
#include "http/admission.hpp"

namespace http
{

Admission::Host *Admission::enqueue(std::uint64_t tag, const std::string &origin)
{
    auto &host = hosts_[origin];
    if (!host) {
        host = std::make_unique<Host>();
        host->origin = origin;
    }
    host->waiting.push_back(tag);
    list(*host);
    return host.get();
}

std::optional<std::uint64_t> Admission::next()
{
    while (running_ < total_ && !ready_.empty()) {
        Host &host = *ready_.front();
        ready_.pop_front();
        host.listed = false;
        if (host.waiting.empty() || host.running >= per_host_) {
            release(host);
            continue;
        }
        const std::uint64_t tag = host.waiting.front();
        host.waiting.pop_front();
        host.running++;
        running_++;
        list(host);
        return tag;
    }
    return std::nullopt;
}

void Admission::done(Host *host)
{
    host->running--;
    running_--;
    list(*host);
    release(*host);
}

void Admission::withdraw(std::uint64_t tag, Host *host)
{
    std::erase(host->waiting, tag);
    release(*host);
}

void Admission::list(Host &host)
{
    if (host.listed || host.waiting.empty() || host.running >= per_host_)
        return;
    ready_.push_back(&host);
    host.listed = true;
}

/// Forgets a host that nothing needs any more.
void Admission::release(Host &host)
{
    if (host.running == 0 && host.waiting.empty() && !host.listed)
        hosts_.erase(std::string(host.origin));
}

} // namespace http
