// Fuzzes the listener over its socket: payloads made from the samples in well-formed requests, and requests
// that are damaged in every way. Each follows from its seed. Promised is that what is JSON gets a reply of
// its service, what is not a refusal, that every reply has a known status and a JSON body, and that the
// process lives on within its memory.
//
//   fuzz_http --samples DIR --port N --token FILE [--conninfo TEXT] [--seconds N | --runs N] [--seed N]
//   [--findings DIR]
#include "backend.hpp"
#include "connection.hpp"
#include "mutate.hpp"
#include "request.hpp"

#include <algorithm>
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
constexpr int known_statuses[] = {200, 304, 400, 401, 403, 404, 405, 408, 413, 414, 415, 431, 503, 505};
constexpr long most_growth = 700L << 10; // kB; freed memory stays with the address sanitizer for a while
constexpr std::size_t most_findings = 50;

struct Options {
    std::string samples, findings = ".", conninfo, token;
    int port = 0;
    long seconds = 60, runs = 0;
    std::uint64_t seed = std::random_device{}();
};

std::string content_of(const std::string &path)
{
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return text.str();
}

class Fuzzer
{
public:
    explicit Fuzzer(Options options) : options_(std::move(options)), backend_(options_.conninfo)
    {
        for (const Service &service : services)
            samples_.emplace(service.name, sample(service));
        await_listener();
        pid_ = listener();
    }

    // 0 when every promise was kept.
    int run()
    {
        std::printf("first seed %llu\n", static_cast<unsigned long long>(options_.seed));
        const auto begin = Clock::now();
        long done = 0;
        for (; wanted(done, begin) && findings_ < most_findings; ++done) {
            one(options_.seed + static_cast<std::uint64_t>(done));
            if (done % 200 == 199)
                look_after_listener(done);
        }
        look_after_listener(done);
        std::printf(
            "%ld requests in %lld s, last seed %llu: %ld payloads served, %ld no JSON, %ld rough ones "
            "answered, %ld not\n",
            done, static_cast<long long>((Clock::now() - begin) / 1s),
            static_cast<unsigned long long>(options_.seed) + static_cast<unsigned long long>(done) - 1,
            served_, no_json_, answered_, silent_);
        std::printf("%zu findings\n", findings_);
        return findings_ == 0 ? 0 : 1;
    }

private:
    bool wanted(long done, Clock::time_point begin) const
    {
        return options_.runs > 0 ? done < options_.runs
                                 : Clock::now() - begin < std::chrono::seconds(options_.seconds);
    }

    Json sample(const Service &service) const
    {
        Json json = parse(content_of(options_.samples + "/" + service.name + ".request.json"));
        if (json.kind == Json::Kind::object && !json.members.empty() && json.members[0].key == "\"items\"")
            json = Json(json.members[0].value);
        return json.kind == Json::Kind::array ? Json(json.items.at(0)) : json;
    }

    std::string listener()
    {
        const Outcome found =
            backend_.must("SELECT pid FROM k2bridge.workers() WHERE kind = 'listener' AND pid IS NOT NULL");
        return found.rows.size() == 1 ? found.value() : "none";
    }

    void await_listener()
    {
        for (const auto until = Clock::now() + 60s;; std::this_thread::sleep_for(100ms)) {
            try {
                Connection probe(options_.port);
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
        const std::string sent = post(random, "/restapi/services/run/" + service, options_.token, payload);
        Connection connection(options_.port);
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

    // What a reply of ours always has: JSON where it says so, a correlation, no words of an error inside.
    void judge(std::uint64_t seed, const Reply &reply, const std::string &sent)
    {
        if (reply.head.find("\r\nX-Correlation-Id: ") == std::string::npos)
            finding(seed, "a reply without correlation: " + reply.head, sent);
        try {
            parse(reply.body);
        } catch (const std::runtime_error &error) {
            finding(seed,
                    std::string("the reply is no JSON: ") + error.what() + ": " + reply.body.substr(0, 300),
                    sent);
        }
    }

    void pieces(Random &random, std::uint64_t seed, const std::string &payload)
    {
        std::string sent;
        Connection connection(options_.port);
        for (const std::string &piece : rough(random, options_.token, payload)) {
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
        ++(came->empty() ? silent_ : answered_);
        for (std::size_t at = 0; (at = came->find("HTTP/1.", at)) != std::string::npos; at += 8) {
            const int status = std::atoi(came->c_str() + std::min(at + 9, came->size()));
            // A body may quote anything; a status line begins where nothing or a body's end is.
            const bool line = at == 0 || (*came)[at - 1] == '}' || (*came)[at - 1] == '\n';
            if (line && status != 100 &&
                std::find(std::begin(known_statuses), std::end(known_statuses), status) ==
                    std::end(known_statuses))
                finding(seed, "status " + std::to_string(status) + ": " + came->substr(at, 400), sent);
        }
    }

    void look_after_listener(long done)
    {
        if (const std::string now = listener(); now != pid_) {
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
    Backend backend_;
    std::map<std::string, Json> samples_;
    std::string pid_;
    std::size_t findings_ = 0;
    long served_ = 0, no_json_ = 0, answered_ = 0, silent_ = 0, first_ = 0;
};

Options options(int argc, char **argv)
{
    Options out;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i], value = argv[i + 1];
        if (name == "--samples")
            out.samples = value;
        else if (name == "--findings")
            out.findings = value;
        else if (name == "--conninfo")
            out.conninfo = value;
        else if (name == "--port")
            out.port = std::stoi(value);
        else if (name == "--token")
            std::getline(std::istringstream(content_of(value)) >> std::ws, out.token);
        else if (name == "--seconds")
            out.seconds = std::stol(value);
        else if (name == "--runs")
            out.runs = std::stol(value);
        else if (name == "--seed")
            out.seed = std::stoull(value);
        else
            throw std::runtime_error("unknown option " + name);
    }
    if (argc % 2 == 0 || out.samples.empty() || out.port == 0 || out.token.empty())
        throw std::runtime_error("usage: fuzz_http --samples DIR --port N --token FILE [--conninfo TEXT] "
                                 "[--seconds N | --runs N] [--seed N] [--findings DIR]");
    return out;
}

} // namespace

} // namespace fuzz

int main(int argc, char **argv)
{
    try {
        return fuzz::Fuzzer(fuzz::options(argc, argv)).run();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "fuzz_http: %s\n", error.what());
        return 2;
    }
}
