/*
 * The bytes of one connection below HTTP. Contracts stand in wire.h.
 */
#include "wire.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <sys/socket.h>

namespace sandbox
{

namespace
{

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t look_ms = 50; // how often a waiting thread looks for the stop

} // namespace

Wire::Wire(MHD_Connection *connection, std::stop_token stop) : tls_(nullptr), stop_(std::move(stop))
{
    socket_ = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (const auto *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION))
        tls_ = info->tls_session;
}

long Wire::send_some(std::string_view bytes)
{
    if (!tls_) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
    }
    const ssize_t sent = gnutls_record_send(static_cast<gnutls_session_t>(tls_), bytes.data(), bytes.size());
    return sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED ? 0 : sent;
}

bool Wire::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const long sent = send_some(bytes);
        if (sent < 0 || stop_.stop_requested())
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        if (sent == 0 && !wait(POLLOUT, look_ms))
            return false;
    }
    return true;
}

bool Wire::wait(short events, std::uint64_t ms)
{
    pollfd entry{socket_, static_cast<short>(events | POLLRDHUP), 0};
    poll(&entry, 1, static_cast<int>(ms));
    return (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) == 0 && !stop_.stop_requested();
}

bool Wire::pause(std::uint64_t ms)
{
    const auto end = Clock::now() + std::chrono::milliseconds(ms);
    while (Clock::now() < end) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (!wait(0, std::min<std::uint64_t>(look_ms, static_cast<std::uint64_t>(left) + 1)))
            return false;
    }
    return true;
}

void Wire::reset()
{
    sockaddr none{};
    none.sa_family = AF_UNSPEC; // connecting a TCP socket to nothing aborts it with RST at once
    connect(socket_, &none, sizeof none);
}

void Wire::close()
{
    shutdown(socket_, SHUT_RDWR);
}

bool WireThreads::start(MHD_Connection *connection, std::function<void(std::stop_token)> job)
{
    const std::lock_guard guard(lock_);
    if (stopped_)
        return false;
    MHD_suspend_connection(connection);
    jobs_.remove_if([](const Job &old) { return old.done; });
    Job &slot = jobs_.emplace_back();
    slot.thread = std::jthread([this, &slot, job = std::move(job)](const std::stop_token &stop) {
        job(stop);
        const std::lock_guard inner(lock_);
        slot.done = true;
    });
    return true;
}

void WireThreads::stop()
{
    std::list<Job> leaving;
    {
        const std::lock_guard guard(lock_);
        leaving.swap(jobs_);
        stopped_ = true;
    }
    for (Job &job : leaving)
        job.thread.request_stop();
}

bool peer_gone(int socket)
{
    pollfd entry{socket, POLLRDHUP, 0};
    return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

} // namespace sandbox
