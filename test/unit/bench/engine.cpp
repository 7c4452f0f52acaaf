// The engine against the bare loop it is built on: the same POSTs of 2 KB to the same server, both driven by
// curl_multi and epoll, one thread. Prints calls per second and CPU per call of both, and the ratio of the
// speeds; asserts nothing. Arguments: [url [connections]].
#include "http/engine.hpp"
#include "support/server.hpp"

#include <curl/curl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace
{

using Clock = std::chrono::steady_clock;

struct Job {
    std::string url;
    int calls;
    int connections;
    std::string body;
};

struct Speed {
    double per_second;
    double cpu; ///< of this thread, microseconds per call
};

double cpu_seconds()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

class Watch
{
public:
    Speed stop(int calls) const
    {
        const double took = std::chrono::duration<double>(Clock::now() - begin_).count();
        return {calls / took, (cpu_seconds() - cpu_) * 1e6 / calls};
    }

private:
    Clock::time_point begin_{Clock::now()};
    double cpu_{cpu_seconds()};
};

Speed with_engine(const Job &job)
{
    http::Engine engine({.connections = static_cast<std::size_t>(job.connections),
                         .connections_per_host = static_cast<std::size_t>(job.connections)});
    const Watch watch;
    int started = 0;
    int done = 0;
    const auto start = [&] {
        http::Request request;
        request.method = "POST";
        request.url = job.url;
        request.body = job.body;
        request.content_type = "application/json";
        request.headers = {{"X-Correlation-Id", "00000000-0000-0000-0000-000000000000"}};
        engine.start(static_cast<std::uint64_t>(started++), std::move(request));
    };
    while (started < std::min(job.calls, job.connections))
        start();
    while (done < job.calls) {
        std::uint64_t tag = 0;
        http::Response response;
        while (engine.finished(tag, response)) {
            if (response.status != 200)
                std::abort();
            done++;
            if (started < job.calls)
                start();
        }
        if (done == job.calls)
            break;
        pollfd ready{engine.descriptor(), POLLIN, 0};
        const auto wait = engine.timeout();
        poll(&ready, 1, wait ? static_cast<int>(wait->count()) : -1);
        engine.step();
    }
    return watch.stop(job.calls);
}

struct Bare {
    CURLM *multi{curl_multi_init()};
    int epoll{epoll_create1(0)};
    long wait{-1};
};

int on_socket(CURL *, curl_socket_t fd, int what, void *self, void *known)
{
    auto &bare = *static_cast<Bare *>(self);
    epoll_event event{};
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    event.data.fd = fd;
    if (what == CURL_POLL_REMOVE)
        return epoll_ctl(bare.epoll, EPOLL_CTL_DEL, fd, nullptr), 0;
    epoll_ctl(bare.epoll, known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(bare.multi, fd, self);
    return 0;
}

int on_timer(CURLM *, long ms, void *self)
{
    static_cast<Bare *>(self)->wait = ms;
    return 0;
}

std::size_t on_body(char *data, std::size_t, std::size_t size, void *self)
{
    static_cast<std::string *>(self)->append(data, size);
    return size;
}

/// What one call of the bare loop owns; as in the engine, every call brings its own body and takes its own
/// reply.
struct Slot {
    std::string sent;
    std::string received;
};

void next_call(CURL *easy, const Job &job, Slot &slot)
{
    slot.sent = std::string(job.body);
    slot.received = std::string();
    curl_easy_setopt(easy, CURLOPT_URL, job.url.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(slot.sent.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, slot.sent.data());
}

CURL *bare_handle(const Job &job, curl_slist *headers, Slot *slot)
{
    CURL *easy = curl_easy_init();
    next_call(easy, job, *slot);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30'000L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &slot->received);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
    return easy;
}

Speed with_bare_loop(const Job &job)
{
    Bare bare;
    curl_multi_setopt(bare.multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(bare.multi, CURLMOPT_SOCKETDATA, &bare);
    curl_multi_setopt(bare.multi, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(bare.multi, CURLMOPT_TIMERDATA, &bare);
    curl_slist *headers = curl_slist_append(nullptr, "Content-Type: application/json");
    headers = curl_slist_append(headers, "X-Correlation-Id: 00000000-0000-0000-0000-000000000000");
    headers = curl_slist_append(headers, "Expect:");
    std::vector<Slot> slots(static_cast<std::size_t>(job.connections));
    const Watch watch;
    int started = 0;
    int done = 0;
    for (Slot &slot : slots) {
        curl_multi_add_handle(bare.multi, bare_handle(job, headers, &slot));
        started++;
    }
    int active = 0;
    while (done < job.calls) {
        epoll_event events[64];
        const int count = epoll_wait(bare.epoll, events, 64, static_cast<int>(bare.wait));
        if (count == 0)
            curl_multi_socket_action(bare.multi, CURL_SOCKET_TIMEOUT, 0, &active);
        for (int i = 0; i < count; i++)
            curl_multi_socket_action(bare.multi, events[i].data.fd,
                                     ((events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                         ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0),
                                     &active);
        int left = 0;
        while (const CURLMsg *message = curl_multi_info_read(bare.multi, &left)) {
            CURL *easy = message->easy_handle;
            Slot *slot = nullptr;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
            done++;
            curl_multi_remove_handle(bare.multi, easy);
            if (started++ < job.calls) {
                next_call(easy, job, *slot);
                curl_multi_add_handle(bare.multi, easy);
            } else {
                curl_easy_cleanup(easy);
            }
        }
    }
    const Speed speed = watch.stop(job.calls);
    curl_multi_cleanup(bare.multi);
    curl_slist_free_all(headers);
    close(bare.epoll);
    return speed;
}

} // namespace

int main(int argc, char **argv)
{
    std::signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    test::Server server(test::always(test::reply(R"({"error_text":"","error_code":0})")));
    server.forget_requests();
    const Job job{argc > 1 ? argv[1] : server.url(), 20'000, argc > 2 ? std::atoi(argv[2]) : 20,
                  std::string(2048, 'x')};
    std::printf("%6s %10s %10s %7s %14s %14s\n", "round", "engine/s", "bare/s", "ratio", "engine us/call",
                "bare us/call");
    std::vector<double> speeds;
    std::vector<double> costs;
    for (int round = 1; round <= 9; round++) {
        const Speed bare = with_bare_loop(job);
        const Speed engine = with_engine(job);
        speeds.push_back(engine.per_second / bare.per_second);
        costs.push_back(bare.cpu / engine.cpu);
        std::printf("%6d %10.0f %10.0f %7.2f %14.1f %14.1f %7.2f\n", round, engine.per_second,
                    bare.per_second, speeds.back(), engine.cpu, bare.cpu, costs.back());
    }
    std::sort(speeds.begin(), speeds.end());
    std::sort(costs.begin(), costs.end());
    std::printf("median: %.2f of the bare loop's speed, %.2f by CPU\n", speeds[speeds.size() / 2],
                costs[costs.size() / 2]);
    return 0;
}
