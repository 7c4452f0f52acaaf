// See resolver.hpp. getaddrinfo is replaced by symbol interposition, as a preloaded
// library would do it: the definition of the program itself comes first in the dynamic
// linker's search.
#include "support/resolver.hpp"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>

namespace test::resolver
{
namespace
{

struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::vector<std::string>> answers;
    int blocked{0};
    bool released{false};
    bool signals_blocked{false};
};

State &state()
{
    static auto *const one = new State; // never destroyed: detached resolver threads may outlive main()
    return *one;
}

using Lookup = int (*)(const char *, const char *, const addrinfo *, addrinfo **);

Lookup real_lookup()
{
    return reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));
}

bool all_blocked()
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGURG})
        if (sigismember(&mask, number) != 1)
            return false;
    return true;
}

int block()
{
    State &all = state();
    std::unique_lock lock(all.mutex);
    all.blocked++;
    all.changed.notify_all();
    all.changed.wait(lock, [&] { return all.released; });
    all.blocked--;
    all.changed.notify_all();
    return EAI_FAIL;
}

int look_up(const std::vector<std::string> &addresses, const char *service, const addrinfo *hints,
            addrinfo **out)
{
    *out = nullptr;
    addrinfo **tail = out;
    for (const std::string &address : addresses) {
        const int code = real_lookup()(address.c_str(), service, hints, tail);
        if (code != 0)
            return code;
        while (*tail != nullptr)
            tail = &(*tail)->ai_next;
    }
    return 0;
}

} // namespace

void answer(const std::string &name, std::vector<std::string> addresses)
{
    const std::lock_guard lock(state().mutex);
    state().answers[name] = std::move(addresses);
}

bool wait_until_blocked()
{
    std::unique_lock lock(state().mutex);
    state().released = false;
    return state().changed.wait_for(lock, std::chrono::seconds(30), [] { return state().blocked > 0; });
}

int blocked()
{
    const std::lock_guard lock(state().mutex);
    return state().blocked;
}

void release()
{
    std::unique_lock lock(state().mutex);
    state().released = true;
    state().changed.notify_all();
    state().changed.wait_for(lock, std::chrono::seconds(30), [] { return state().blocked == 0; });
    state().released = false;
}

bool signals_were_blocked()
{
    const std::lock_guard lock(state().mutex);
    return state().signals_blocked;
}

} // namespace test::resolver

extern "C" int getaddrinfo(const char *node, const char *service, const addrinfo *hints, addrinfo **out)
{
    using namespace test::resolver;
    const std::string name = node != nullptr ? node : "";
    if (!name.ends_with(".test"))
        return real_lookup()(node, service, hints, out);
    std::vector<std::string> addresses;
    {
        const std::lock_guard lock(state().mutex);
        state().signals_blocked = all_blocked();
        addresses = state().answers[name];
    }
    if (name == "slow.test")
        return block();
    return addresses.empty() ? EAI_NONAME : look_up(addresses, service, hints, out);
}
