// What libcurl alone can do: a multi loop that POSTs the same JSON body over and over on kept-alive
// connections.
//
//   bare URL CONNECTIONS CALLS BODY_BYTES
//
// Prints one line: calls per second, CPU microseconds per call of this process, median and 99th percentile of
// a call in milliseconds, calls that failed. Handles are re-used and nothing is kept, so it is the fastest a
// single thread gets.
#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

using Clock = std::chrono::steady_clock;

struct Slot {
    CURL *handle;
    Clock::time_point begun;
};

class Loop
{
public:
    Loop(const char *target, std::size_t connections, long total, std::size_t bytes)
        : url(target), calls(total), body("{\"padding\": \"" + std::string(bytes, 'x') + "\"}"),
          slots(connections)
    {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(connections));
    }

    void run()
    {
        for (Slot &slot : slots) {
            prepare(slot);
            if (started < calls)
                start(slot);
        }
        int running = 1;
        while (taken < calls) {
            if (curl_multi_perform(multi, &running) != CURLM_OK)
                throw std::runtime_error("curl_multi_perform failed");
            if (take() == 0)
                curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
        }
    }

    void report(double seconds)
    {
        std::sort(latencies.begin(), latencies.end());
        const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
        std::printf("%.0f %.1f %.2f %.2f %ld\n", static_cast<double>(calls) / seconds,
                    cpu * 1e6 / static_cast<double>(calls), latencies[latencies.size() / 2],
                    latencies[latencies.size() * 99 / 100], failed);
    }

private:
    static std::size_t drop(char *, std::size_t size, std::size_t count, void *) { return size * count; }

    void prepare(Slot &slot)
    {
        slot.handle = curl_easy_init();
        curl_easy_setopt(slot.handle, CURLOPT_URL, url);
        curl_easy_setopt(slot.handle, CURLOPT_POSTFIELDS, body.c_str());
        curl_easy_setopt(slot.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
        curl_easy_setopt(slot.handle, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(slot.handle, CURLOPT_WRITEFUNCTION, drop);
        curl_easy_setopt(slot.handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(slot.handle, CURLOPT_PRIVATE, &slot);
    }

    void start(Slot &slot)
    {
        ++started;
        slot.begun = Clock::now();
        curl_multi_add_handle(multi, slot.handle);
    }

    int take()
    {
        int found = 0, left;
        while (CURLMsg *message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE)
                continue;
            long status = 0;
            Slot *slot;
            curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
            failed += message->data.result != CURLE_OK || status != 200;
            latencies.push_back(
                std::chrono::duration<double, std::milli>(Clock::now() - slot->begun).count());
            curl_multi_remove_handle(multi, slot->handle);
            ++taken;
            ++found;
            if (started < calls)
                start(*slot);
        }
        return found;
    }

    const char *url;
    long calls, started{0}, taken{0}, failed{0};
    std::string body;
    std::vector<Slot> slots;
    std::vector<double> latencies;
    CURLM *multi{curl_multi_init()};
    curl_slist *headers{nullptr};
};

} // namespace

int main(int count, char **values)
{
    if (count != 5) {
        std::fprintf(stderr, "usage: bare URL CONNECTIONS CALLS BODY_BYTES\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    Loop loop(values[1], std::strtoul(values[2], nullptr, 10), std::atol(values[3]),
              std::strtoul(values[4], nullptr, 10));
    const auto begun = Clock::now();
    loop.run();
    loop.report(std::chrono::duration<double>(Clock::now() - begun).count());
}
