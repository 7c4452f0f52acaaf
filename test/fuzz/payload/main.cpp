// Fuzzes the payload readers and the services of К2 through a real backend: payloads made from the samples
// are sent to a service, and what it answered and stored is compared with what oracle.sql believes. Each seed
// is one payload in a transaction that is rolled back, so that any finding can be had again by its seed
// alone.
//
//   fuzz_payload --samples DIR [--seconds N | --runs N] [--seed N] [--findings DIR] [--conninfo TEXT]
#include "driver.hpp"
#include "mutate.hpp"
#include "session.hpp"

#include <cctype>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>

namespace fuzz
{

namespace
{

using Clock = std::chrono::steady_clock;

struct Service {
    const char *name;
    const char *sample; // null: the one of the service's name
    const char *reader; // null: it takes one object
};

constexpr Service services[] = {
    {"k2loan_from_eko", nullptr, "k2.read_loans"},
    {"k2extreq_pay_from_eko", nullptr, "k2.read_payments"},
    {"k2loan_sync_debt", nullptr, "k2.read_debts"},
    {"k2extreq_by_dbz", nullptr, nullptr},
    {"k2req_status_from_eko", nullptr, nullptr},
    {"k2req_return_from_eko", nullptr, nullptr},
    {"k2req_refuse_from_eko", "k2req_return_from_eko", nullptr},
    {"k2inforeq_rzap_by_refer", nullptr, nullptr},
    {"k2loan_exclude_on_by_iin_dbznum", nullptr, nullptr},
    {"k2loan_exclude_off_by_iin_dbznum", nullptr, nullptr},
};

struct Case {
    std::uint64_t seed;
    const Service *service;
    std::string payload;
};

constexpr std::size_t most_findings = 200, shown_of_a_kind = 2;
constexpr long most_resident = 3L << 20; // kB of the process

class Fuzzer
{
public:
    explicit Fuzzer(Options options)
        : options_(std::move(options)),
          session_(options_.conninfo, {"SET statement_timeout = '120s'", "SET client_min_messages = error"})
    {
        for (const Service &service : services)
            samples_.emplace(service.name,
                             sample(options_, service.sample != nullptr ? service.sample : service.name));
    }

    // 0 when every promise was kept.
    int run()
    {
        const auto begin = Clock::now();
        const long done = for_each_seed(options_, [this](std::uint64_t seed, long before) {
            one(seed);
            if (before % 500 == 499)
                look_after_server();
            return findings_ < most_findings;
        });
        look_after_server();
        const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin).count();
        std::printf(
            "%ld payloads in %lld s: %ld no JSON, %ld refused whole, %ld in part, %ld taken; peak of the "
            "backend %ld MB\n",
            done, static_cast<long long>(took), no_json_, refused_, in_part_, taken_, peak_ / 1024);
        std::printf("%zu findings\n", findings_);
        return findings_ == 0 ? 0 : 1;
    }

private:
    void finding(const Case &sent, const std::string &what)
    {
        std::string kind = what;
        std::erase_if(kind, [](unsigned char c) { return std::isdigit(c) != 0; });
        ++findings_;
        if (++kinds_[kind] > shown_of_a_kind)
            return;
        const std::string path = options_.findings + "/seed-" + std::to_string(sent.seed) + ".json";
        std::ofstream(path) << sent.payload;
        std::printf("FAILED seed %llu, %s: %s\n    payload (%zu bytes, %s): %.400s\n",
                    static_cast<unsigned long long>(sent.seed), sent.service->name, what.c_str(),
                    sent.payload.size(), path.c_str(), sent.payload.c_str());
        std::fflush(stdout);
    }

    void one(std::uint64_t seed)
    {
        Random random(seed);
        Case sent{seed, &random.pick(services), {}};
        if (random.once_in(2))
            sent.service = &services[random.below(3)];
        const Json &sample = samples_.at(sent.service->name);
        sent.payload = sent.service->reader != nullptr ? batch(random, sample) : single(random, sample);
        try {
            session_->must("BEGIN");
            exchange(random, sent);
            session_->must("ROLLBACK");
        } catch (const Lost &lost) {
            finding(sent, std::string("the server ended the connection: ") + lost.what());
            session_.reconnect();
        }
    }

    // Same meaning for the server as for us: what it takes for JSON must be served without an error.
    void exchange(Random &random, const Case &sent)
    {
        const Outcome json = session_->run("SELECT $1::jsonb IS NULL", {sent.payload});
        if (json.failed()) {
            ++no_json_;
            const bool clear = json.state.starts_with("22") || json.state.starts_with("54");
            if (!clear)
                finding(sent, "no JSON, yet error " + json.state + ": " + json.message);
            return;
        }
        const std::string note = session_->must("SELECT fuzz.before()").value();
        session_->must("SET LOCAL ROLE fuzz_service");
        const std::string call = std::string("SELECT k2.") + sent.service->name + "($1::jsonb)";
        const Outcome reply = session_->run(call.c_str(), {sent.payload});
        if (reply.failed())
            return finding(sent, "error " + reply.state + ": " + reply.message);
        session_->must("RESET ROLE");
        count(reply.value());
        const bool kept = judge(sent, session_->run("SELECT fuzz.broken($1, $2::jsonb, $3::jsonb, $4::jsonb)",
                                                    {sent.service->name, sent.payload, reply.value(), note}));
        if (kept && sent.service->reader != nullptr && random.once_in(4))
            read_range(random, sent);
    }

    bool judge(const Case &sent, const Outcome &broken)
    {
        if (broken.rows.empty() && !broken.failed())
            return true;
        if (broken.failed()) {
            finding(sent, "the check raised " + broken.state + ": " + broken.message);
            return false;
        }
        std::string all;
        for (std::size_t i = 0; i < broken.rows.size() && i < 5; ++i)
            all += (i == 0 ? "" : "; ") + broken.rows[i][0];
        finding(sent, all);
        return false;
    }

    void read_range(Random &random, const Case &sent)
    {
        static constexpr const char *bounds[] = {"0",  "1",    "2",          "3",          "7",
                                                 "-1", "5000", "2147483647", "-2147483648"};
        judge(sent,
              session_->run("SELECT fuzz.broken_reader($1, $2::jsonb, $3::integer, $4::integer)",
                            {sent.service->reader, sent.payload, random.pick(bounds), random.pick(bounds)}));
    }

    void count(const std::string &reply)
    {
        if (reply.find("\"error_code\": 0, ") == 1 || reply.find("\"error_code\": 0}") != std::string::npos)
            ++taken_;
        else
            ++(reply.find("\"errors\"") != std::string::npos ? in_part_ : refused_);
    }

    void look_after_server()
    {
        const auto grown = session_.tidy({"k2.loan", "k2.loan_debt", "k2.client", "k2.extreq",
                                          "k2.extreq_pay", "k2.extreq_event", "k2bridge.rejected_item",
                                          "k2bridge.audit", "fuzz.former_loan", "fuzz.former_payment"});
        const Case nothing{options_.seed, services, {}};
        if (grown)
            finding(nothing, *grown);
        peak_ = std::max(peak_, session_->peak());
        if (session_->resident() > most_resident)
            finding(nothing,
                    "the backend holds " + std::to_string(session_->resident()) + " kB between payloads");
    }

    Options options_;
    std::map<std::string, Json> samples_;
    Session session_;
    std::map<std::string, std::size_t> kinds_;
    std::size_t findings_ = 0;
    long no_json_ = 0, refused_ = 0, in_part_ = 0, taken_ = 0, peak_ = 0;
};

} // namespace

} // namespace fuzz

int main(int argc, char **argv)
{
    return fuzz::run_program("fuzz_payload", [argc, argv] {
        return fuzz::Fuzzer(
                   fuzz::read_options(argc, argv,
                                      "fuzz_payload --samples DIR [--seconds N | --runs N] [--seed N] "
                                      "[--findings DIR] [--conninfo TEXT]"))
            .run();
    });
}
