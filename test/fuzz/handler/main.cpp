// Fuzzes the handlers of Autoclient through a real backend: replies made from samples of the bank are given
// to the handler of their call, as the dispatcher does, and what the tables hold then is compared with what
// oracle.sql reads out of the reply. A handler may refuse a reply with a clear error; it must not store
// anything else than the reply says. Each seed is one reply in a transaction that is rolled back.
//
//   fuzz_handler --samples DIR [--seconds N | --runs N] [--seed N] [--findings DIR] [--conninfo TEXT]
#include "driver.hpp"
#include "session.hpp"
#include "tree.hpp"

#include <cstdio>
#include <fstream>
#include <map>

namespace fuzz
{

namespace
{

struct Handler {
    const char *endpoint; // its handler is called
    const char *sample;
    const char *args;
};

constexpr Handler handlers[] = {
    {"settings", "settings", R"({"about": {"round": true}})"},
    {"balances_interim", "balance-page", R"({"limit": 100, "about": {"round": true}})"},
    {"balances", "balance-page",
     R"({"acc": "UA123052990000026000074412859", "about": {"acc": "UA123052990000026000074412859", "walk": 1, "from": "2026-02-01", "to": "2026-02-28"}})"},
    {"balances", "balances", R"({"about": {"direct": true}})"},
    {"transactions_interim", "page",
     R"({"limit": 100, "about": {"acc": "UA123052990000026000074412859", "interim": true}})"},
    {"transactions", "page",
     R"({"acc": "UA123052990000026000074412859", "about": {"acc": "UA123052990000026000074412859", "walk": 1, "from": "2026-02-01", "to": "2026-02-28"}})"},
    {"transactions", "transactions", R"({"about": {"direct": true}})"},
    {"transactions_final", "transactions-masked", R"({"about": {"direct": true}})"},
    {"currency_rates", "rates", "{}"},
    {"currency_history", "rates-history", "{}"},
    {"edoc_journal_all", "journal", "{}"},
    {"salary_receivers", "salary-list-receivers", "{}"},
    {"salary_packets", "packets", "{}"},
    {"maspay_header", "header", R"({"ref": "PKT100001"})"},
    {"maspay_content", "content", R"({"ref": "PKT100001"})"},
    {"corpcards", "cards", "{}"},
    {"corp_statements", "card-statement", "{}"},
    {"acquiring", "acquiring",
     R"({"account": "UA1", "dateFrom": "2026-02-01", "dateTo": "2026-02-01", "page": 1, "numberRecords": 100})"},
    {"salary_update_receiver", "salary-update-receiver",
     R"({"group": "SALARY", "tabn": "1", "pan": "4149000000001111"})"},
    {"check_counterparty", "counterparty", R"({"edrpou": "00000001"})"},
    {"payment_create", "payment", R"({"about": {"payment": 1}})"},
    {"payment_get", "payment", R"({"ref": "1123828417658092296", "about": {"verify": 1}})"},
    {"payment_add_sign", "payment", R"({"ref": "1123828417658092296"})"},
    {"paysheets_upload", "salary-remove", R"({"projectReference": "12A08000132", "yearmonth": "202602"})"},
    {"verify_journal", "journal", R"({"limit": "500", "offset": "0", "about": {"call_id": 1, "found": []}})"},
    {"verify_journal", "journal", R"({"limit": "500", "offset": "0", "about": {"call_id": 2, "found": []}})"},
    {"verify_packets", "packets", R"({"page": 0, "page-size": 100, "about": {"call_id": 3, "found": []}})"},
    {"verify_content", "content",
     R"({"ref": "PKT100001", "page": 0, "page-size": 100, "about": {"call_id": 4, "found": []}})"},
    {"verify_content", "content",
     R"({"ref": "PKT100001", "page": 0, "page-size": 100, "about": {"call_id": 5, "found": []}})"},
    {"verify_header", "header", R"({"ref": "PKT100001", "about": {"call_id": 6}})"},
    {"verify_paysheets", "paysheets", R"({"about": {"call_id": 7}})"},
};

struct Case {
    std::uint64_t seed;
    const Handler *handler;
    std::string reply;
};

constexpr std::size_t most_findings = 100;

// Given as a row of k2bridge.call_row, as the dispatcher makes it.
constexpr const char *call_sql = "SELECT fuzz.handle('autoclient.' || $1, $2::jsonb, $3::json)";

class Fuzzer
{
public:
    explicit Fuzzer(Options options)
        : options_(std::move(options)),
          session_(options_.conninfo,
                   {"SET statement_timeout = '60s'", "SET client_min_messages = error", "SET jit = off"})
    {
        for (const Handler &each : handlers)
            samples_.try_emplace(each.sample,
                                 parse(content_of(options_.samples + "/" + each.sample + ".json")));
    }

    // 0 when every promise was kept.
    int run()
    {
        const long done = for_each_seed(options_, [this](std::uint64_t seed, long before) {
            one(seed);
            if (before % 1000 == 999)
                look_after_server();
            return findings_ < most_findings;
        });
        look_after_server();
        std::printf("%ld replies, %ld of them stored, %ld refused, %ld no JSON\n%zu findings\n", done,
                    stored_, refused_, no_json_, findings_);
        return findings_ == 0 ? 0 : 1;
    }

private:
    void finding(const Case &sent, const std::string &what)
    {
        ++findings_;
        const std::string path = options_.findings + "/seed-" + std::to_string(sent.seed) + ".json";
        std::ofstream(path) << sent.reply;
        std::printf("FAILED seed %llu, %s: %s\n    reply (%s): %.400s\n",
                    static_cast<unsigned long long>(sent.seed), sent.handler->endpoint, what.c_str(),
                    path.c_str(), sent.reply.c_str());
        std::fflush(stdout);
    }

    void one(std::uint64_t seed)
    {
        Random random(seed);
        const Handler &handler = random.pick(handlers);
        const Case sent{seed, &handler, changed(random, samples_.at(handler.sample))};
        try {
            session_->must("BEGIN");
            give(sent);
            session_->must("ROLLBACK");
        } catch (const Lost &lost) {
            finding(sent, std::string("the server ended the connection: ") + lost.what());
            session_.reconnect();
        }
    }

    // What is no jsonb never reaches a handler.
    void give(const Case &sent)
    {
        if (session_->run("SELECT $1::jsonb IS NULL", {sent.reply}).failed()) {
            ++no_json_;
            return;
        }
        session_->must("SELECT fuzz.before()");
        const Outcome done =
            session_->run(call_sql, {sent.handler->endpoint, sent.handler->args, sent.reply});
        if (done.failed()) {
            ++refused_;
            // Data the bank should not have sent: a faulty value, a broken constraint, a limit.
            const bool clear =
                done.state.starts_with("22") || done.state.starts_with("23") || done.state.starts_with("54");
            if (!clear)
                finding(sent, "error " + done.state + ": " + done.message);
            return;
        }
        ++stored_;
        const Outcome broken = session_->run("SELECT fuzz.broken($1, $2::jsonb, $3::jsonb)",
                                             {sent.handler->endpoint, sent.handler->args, sent.reply});
        if (broken.failed())
            finding(sent, "the check raised " + broken.state + ": " + broken.message);
        else if (!broken.rows.empty())
            finding(sent, broken.value());
    }

    void look_after_server()
    {
        const auto grown = session_.tidy({"autoclient.transaction", "autoclient.balance",
                                          "autoclient.account", "autoclient.document", "k2bridge.outbox"});
        if (grown)
            finding({options_.seed, handlers, {}}, *grown);
    }

    Options options_;
    std::map<std::string, Json> samples_;
    Session session_;
    std::size_t findings_ = 0;
    long stored_ = 0, refused_ = 0, no_json_ = 0;
};

} // namespace

} // namespace fuzz

int main(int argc, char **argv)
{
    return fuzz::run_program("fuzz_handler", [&] {
        return fuzz::Fuzzer(fuzz::read_options(argc, argv,
                                               "fuzz_handler --samples DIR [--seconds N | --runs N] "
                                               "[--seed N] [--findings DIR] [--conninfo TEXT]"))
            .run();
    });
}
