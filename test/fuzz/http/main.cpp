// Fuzzes the listener over its socket: payloads made from the samples in well-formed requests, and requests
// that are damaged in every way. Each follows from its seed. Promised is that what is JSON gets a reply of
// its service, what is not a refusal, that every reply has a known status and a JSON body, and that the
// process lives on within its memory.
//
//   fuzz_http --samples DIR --port N --token FILE [--conninfo TEXT] [--seconds N | --runs N] [--seed N]
//   [--findings DIR]
#include "backend.hpp"
#include "connection.hpp"
#include "driver.hpp"
#include "mutate.hpp"
#include "replies.hpp"
#include "requests.hpp"

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace fuzz
{

namespace
{

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Service {
    const char *name;
    bool batch;
};

constexpr Service services[] = {{"k2loan_from_eko", true},
                                {"k2extreq_pay_from_eko", true},
                                {"k2loan_sync_debt", true},
                                {"k2extreq_by_dbz", false},
                                {"k2req_status_from_eko", false},
                                {"k2req_return_from_eko", false},
                                {"k2inforeq_rzap_by_refer", false},
                                {"k2loan_exclude_on_by_iin_dbznum", false},
                                {"k2loan_exclude_off_by_iin_dbznum", false}};
constexpr long most_growth = 700L << 10; // kB; freed memory stays with the address sanitizer for a while
constexpr std::size_t most_findings = 50;

struct Listener {
    int port = 0;
    std::string token;
};

class Fuzzer
{
public:
    Fuzzer(Options options, Listener listener)
        : options_(std::move(options)), listener_(std::move(listener)), backend_(options_.conninfo)
    {
        for (const Service &service : services)
            samples_.emplace(service.name, sample(options_, service.name));
        await_listener();
        pid_ = listener_pid();
    }

    // 0 when every promise was kept.
    int run()
    {
        const auto begin = Clock::now();
        const long done = for_each_seed(options_, [this](std::uint64_t seed, long before) {
            one(seed);
            if (before % 200 == 199)
                look_after_listener(before);
            return findings_ < most_findings;
        });
        look_after_listener(done);
        std::printf(
            "%ld requests in %lld s: %ld payloads served, %ld no JSON, %ld rough ones answered with %ld "
            "refusals, %ld not\n",
            done, static_cast<long long>((Clock::now() - begin) / 1s), served_, no_json_, answered_,
            refusals_, silent_);
        std::printf("%zu findings\n", findings_);
        return findings_ == 0 ? 0 : 1;
    }

private:
    std::string listener_pid()
    {
        const Outcome found =
            backend_.must("SELECT pid FROM k2bridge.workers() WHERE kind = 'listener' AND pid IS NOT NULL");
        return found.rows.size() == 1 ? found.value() : "none";
    }

    void await_listener()
    {
        for (const auto until = Clock::now() + 60s;; std::this_thread::sleep_for(100ms)) {
            try {
                Connection probe(listener_.port);
                return;
            } catch (const std::runtime_error &) {
                if (Clock::now() > until)
                    throw;
            }
        }
    }

    void finding(std::uint64_t seed, const std::string &what, const std::string &sent)
    {
        ++findings_;
        const std::string path = options_.findings + "/http-" + std::to_string(seed);
        std::ofstream(path) << sent;
        std::printf("FAILED seed %llu: %s\n    sent (%zu bytes, %s)\n", static_cast<unsigned long long>(seed),
                    what.c_str(), sent.size(), path.c_str());
        std::fflush(stdout);
    }

    void one(std::uint64_t seed)
    {
        Random random(seed);
        const Service &service = random.pick(services);
        const Json &model = samples_.at(service.name);
        const std::string payload = service.batch ? batch(random, model) : single(random, model);
        try {
            if (random.once_in(3))
                whole(random, seed, service.name, payload);
            else
                pieces(random, seed, payload);
        } catch (const std::runtime_error &error) {
            finding(seed, error.what(), payload);
            await_listener();
        }
    }

    // A well-formed request: answered by its service when PostgreSQL takes the body for JSON, refused when
    // not.
    void whole(Random &random, std::uint64_t seed, const std::string &service, const std::string &payload)
    {
        const bool json = !backend_.run("SELECT $1::jsonb IS NULL", {payload}).failed();
        const std::string sent = post(random, "/restapi/services/run/" + service, listener_.token, payload);
        Connection connection(listener_.port);
        connection.send(sent);
        const auto reply = connection.receive(150s);
        if (!reply)
            return finding(seed, "no reply of " + service, sent);
        const bool too_long = payload.size() > 4u << 20;
        const bool read = json || payload.starts_with("\xEF\xBB\xBF"); // a mark that the listener skips
        const bool right = too_long ? reply->status == 413
                           : reply->status == 200
                               ? read
                               : reply->status == 400 && !(json && is_no_json(reply->body));
        if (!right)
            finding(seed,
                    service + " answered " + std::to_string(reply->status) + ": " +
                        reply->body.substr(0, 300),
                    sent);
        judge(seed, *reply, sent);
        ++(json ? served_ : no_json_);
    }

    static bool is_no_json(const std::string &body)
    {
        return body.find("не является JSON") != std::string::npos;
    }

    // Each of the services answers in JSON, whatever the status.
    void judge(std::uint64_t seed, const Reply &reply, const std::string &sent)
    {
        if (const auto flaw = flaw_of(reply))
            finding(seed, *flaw + ": " + reply.head + reply.body.substr(0, 300), sent);
        try {
            parse(reply.body);
        } catch (const std::runtime_error &error) {
            finding(seed,
                    std::string("the reply is no JSON: ") + error.what() + ": " + reply.body.substr(0, 300),
                    sent);
        }
    }

    // Whatever was said is answered, and what is refused is refused in JSON, whoever found the flaw.
    void pieces(Random &random, std::uint64_t seed, const std::string &payload)
    {
        std::string sent;
        Connection connection(listener_.port);
        for (const std::string &piece : rough(random, listener_.token, payload)) {
            sent += piece;
            if (!connection.send(piece))
                break;
        }
        if (random.once_in(10))
            return; // gone without a word
        connection.finish();
        const auto came = connection.drain(60s);
        if (!came)
            return finding(seed, "the connection stays open", sent);
        if (came->empty() && !sent.empty())
            finding(seed, "no reply", sent);
        ++(came->empty() ? silent_ : answered_);
        for (const Reply &reply : split(*came)) {
            refusals_ += reply.status >= 400;
            if (const auto flaw = flaw_of(reply))
                finding(seed, *flaw + ": " + reply.head + reply.body.substr(0, 300), sent);
        }
    }

    void look_after_listener(long done)
    {
        if (const std::string now = listener_pid(); now != pid_) {
            finding(options_.seed + static_cast<std::uint64_t>(done),
                    "the listener " + pid_ + " has gone, now " + now, {});
            pid_ = now;
        }
        const long memory = resident();
        first_ = first_ ? first_ : memory;
        if (memory > first_ + most_growth) {
            finding(options_.seed + static_cast<std::uint64_t>(done),
                    "the listener grew from " + std::to_string(first_) + " to " + std::to_string(memory) +
                        " kB",
                    {});
            first_ = memory;
        }
        backend_.must("TRUNCATE k2bridge.inbox, k2bridge.rejected_item, k2bridge.outbox");
    }

    long resident() const
    {
        std::ifstream file("/proc/" + pid_ + "/status");
        for (std::string word; file >> word;)
            if (long value = 0; word == "RssAnon:" && file >> value)
                return value;
        return 0;
    }

    Options options_;
    Listener listener_;
    Backend backend_;
    std::map<std::string, Json> samples_;
    std::string pid_;
    std::size_t findings_ = 0;
    long served_ = 0, no_json_ = 0, answered_ = 0, refusals_ = 0, silent_ = 0, first_ = 0;
};

int run(int argc, char **argv)
{
    const std::string usage = "fuzz_http --samples DIR --port N --token FILE [--conninfo TEXT] "
                              "[--seconds N | --runs N] [--seed N] [--findings DIR]";
    Listener listener;
    Options options =
        read_options(argc, argv, usage, [&listener](const std::string &name, const std::string &value) {
            if (name == "--port")
                listener.port = std::stoi(value);
            else if (name == "--token")
                std::getline(std::istringstream(content_of(value)) >> std::ws, listener.token);
            return name == "--port" || name == "--token";
        });
    if (listener.port == 0 || listener.token.empty())
        throw std::runtime_error("usage: " + usage);
    return Fuzzer(std::move(options), std::move(listener)).run();
}

} // namespace

} // namespace fuzz

int main(int argc, char **argv)
{
    return fuzz::run_program("fuzz_http", [argc, argv] { return fuzz::run(argc, argv); });
}
