// See pulse.hpp. What the timer runs is a signal handler: system calls, static memory, nothing else.
#include "listener/pulse.hpp"

#include "pg/guard.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

extern "C" {
#include "utils/timeout.h"
}

namespace listener
{

namespace
{

constexpr int beat_pause = 100; // ms
constexpr size_t most_sockets = 32, most_arrivals = 128;

int listening[most_sockets];
size_t listening_count;
Arrival arrived[most_arrivals];
volatile size_t arrived_count;
volatile int answered_count;
const char *reply_text;
size_t reply_size, reply_head;
volatile bool looking;

bool asks(const char *request, size_t size, std::string_view method)
{
    constexpr std::string_view path = " /healthz ";
    const std::string_view text(request, size);
    return text.starts_with(method) && text.substr(method.size()).starts_with(path) &&
           text.ends_with("\r\n\r\n");
}

// Answers a connection that asks for nothing but health; leaves others as they are.
void answer(Arrival &arrival)
{
    char request[2048];
    const ssize_t size = recv(arrival.socket, request, sizeof request, MSG_PEEK | MSG_DONTWAIT);
    if (size <= 0)
        return;
    const bool whole = asks(request, static_cast<size_t>(size), "GET");
    if (!whole && !asks(request, static_cast<size_t>(size), "HEAD"))
        return;
    const ssize_t read = recv(arrival.socket, request, static_cast<size_t>(size), MSG_DONTWAIT);
    const ssize_t sent =
        send(arrival.socket, reply_text, whole ? reply_size : reply_head, MSG_DONTWAIT | MSG_NOSIGNAL);
    static_cast<void>(read);
    static_cast<void>(sent); // who does not read is closed all the same
    close(arrival.socket);
    arrival.socket = -1;
    answered_count = answered_count + 1;
}

void beat()
{
    if (!looking)
        return;
    const int saved = errno;
    for (size_t i = 0; i < listening_count; ++i)
        while (arrived_count < most_arrivals) {
            Arrival &arrival = arrived[arrived_count];
            arrival.size = sizeof arrival.from;
            arrival.socket = accept4(listening[i], reinterpret_cast<sockaddr *>(&arrival.from), &arrival.size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (arrival.socket < 0)
                break;
            arrived_count = arrived_count + 1;
        }
    for (size_t i = 0; i < arrived_count; ++i)
        if (arrived[i].socket >= 0)
            answer(arrived[i]);
    errno = saved;
}

TimeoutId timer()
{
    static const TimeoutId id = pg::call([] { return RegisterTimeout(USER_TIMEOUT, beat); });
    return id;
}

} // namespace

Pulse::Pulse(const std::vector<int> &sockets, const std::string &reply, size_t head)
{
    listening_count = std::min(sockets.size(), most_sockets);
    std::copy_n(sockets.begin(), listening_count, listening);
    reply_text = reply.data();
    reply_size = reply.size();
    reply_head = head;
    const TimeoutId id = timer();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    looking = true;
    pg::call([=] {
        enable_timeout_every(id, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), beat_pause), beat_pause);
    });
}

Pulse::~Pulse()
{
    looking = false;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    disable_timeout(timer(), false);
}

std::vector<Arrival> Pulse::arrivals()
{
    std::vector<Arrival> left;
    for (size_t i = 0; i < arrived_count; ++i)
        if (arrived[i].socket >= 0)
            left.push_back(arrived[i]);
    arrived_count = 0;
    return left;
}

int Pulse::answered()
{
    const int count = answered_count;
    answered_count = 0;
    return count;
}

} // namespace listener
