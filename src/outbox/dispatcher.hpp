// The dispatcher: the one process of a database that sends queued calls and settles what became of them.
//
// Each turn: take finished transfers, settle them in batches, do what people wished, claim what is due, start
// what there is room for. All network traffic happens with no transaction open; at_most_once rows are marked
// `sending` and committed before the first byte leaves, at_least_once rows are claimed in memory only.
//
// Include before pg/*.hpp.
#pragma once

#include "http/engine.hpp"
#include "outbox/circuit.hpp"
#include "outbox/lanes.hpp"
#include "outbox/server.hpp"
#include "outbox/settle.hpp"

#include "pg/worker.hpp"

#include <map>
#include <random>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace outbox
{

class Dispatcher : public pg::Work
{
public:
    Dispatcher();
    long turn() override;
    int descriptor() const override { return engine.descriptor(); }
    void reloaded() override { catalog_read = {}; }
    void failed() override { read_anew(); }

private:
    // A call with its request, claimed and not yet started, or under way.
    struct Prepared {
        Job job;
        http::Request request;
        Lane *lane;
        // Where it goes: the lane may move while it waits or is under way.
        std::string origin, url;
        uint64_t servers;        // servers_era() it was built under
        uint64_t server_version; // of its gate's server then: tells changes of files as well
        Circuit *circuit;        // once started
    };
    // What one server may take, whatever the address.
    struct Gate {
        Throttle throttle;
        bool exists{false};                   // as a foreign server, whether it can be used or not
        std::shared_ptr<const Server> server; // with PUBLIC's mapping: limits, window, mode
        std::map<int, int> ready;             // calls in `ready` for it, by priority

        uint64_t version() const { return server ? server->version : 0; }
        int ready_from(int priority) const; // of this priority or a higher one
        void not_ready(int priority);       // one of them has left `ready`
    };
    // The call of a subject that is in memory.
    struct Busy {
        int64 head;
        int64 late; // an earlier id that was committed later, 0: none
    };

    // dispatcher_start.cpp: before the first turn
    bool begin();

    // dispatcher_catalog.cpp: endpoints, servers, what is held, circuits
    void read_catalog();
    void read_servers();
    void read_paused();
    void read_lanes();
    void place_lane(Lane &lane);
    bool may_send(const Lane &lane, TimestampTz wall);
    Circuit &circuit_of(const std::string &server, const std::string &origin);
    void note_circuit(const Prepared &call);
    void write_notes();

    // dispatcher_claim.cpp: from the table to memory
    void claim(Clock::time_point now);
    std::vector<Lane *> lanes_to_scan(bool all, Clock::time_point now, TimestampTz wall,
                                      std::vector<queue::LaneScan> &scans);
    int room(const Lane &lane, Clock::time_point now);
    void choose(const std::vector<queue::Candidate> &candidates, const std::vector<Lane *> &scanned,
                const std::vector<queue::LaneScan> &scans, Clock::time_point now);
    int left(const Lane &lane, Clock::time_point now, const std::map<std::string, int> &taken);
    bool first_of_subject(const queue::Candidate &candidate,
                          const std::map<std::string, queue::Head> &subject_heads);
    std::vector<Prepared> take();
    static void move_floors(const std::vector<Lane *> &read, TimestampTz nothing_new);
    void prepare(Job job, std::vector<Prepared> &prepared);
    void release(const Job &job);
    void forget_chosen(size_t results_before);

    // dispatcher_send.cpp: from memory to the network and back
    void start_ready(Clock::time_point now);
    void collect(Clock::time_point now);
    void conclude_transfer(Prepared prepared, http::Response response, Clock::time_point now);
    void settle_done(Clock::time_point now);
    void finished(Result result);

    // dispatcher_wishes.cpp: what people asked for, answered rows, verification
    void serve_wishes(Clock::time_point now);
    void grant(queue::Wish &wish);
    bool withdraw(int64 id);

    long next_turn(Clock::time_point now) const;
    void read_anew();
    Clock::duration scan_pause() const;   // between two scans of all lanes
    Clock::duration settle_pause() const; // how long a reply may wait for others to be settled with

    http::Engine engine;
    bool begun{false};
    bool cautious{true}; // until a call has settled: one at a time, and the risk is written first
    std::mt19937_64 random;

    Catalog catalog;
    std::map<std::string, Gate> gates;                                                // by server
    std::map<std::pair<std::string, std::string>, std::unique_ptr<Circuit>> circuits; // by server and origin
    std::map<std::pair<std::string, std::string>, std::unique_ptr<Lane>> lanes; // by endpoint and server key
    std::vector<Lane *> by_priority;
    std::set<std::pair<std::string, std::string>> paused; // server and endpoint, '' for any
    std::set<std::string> addresses;                      // that worked
    bool active{false};
    Floor floor;

    uint64_t servers_read{0};     // servers_era() of the catalog
    bool catalog_outdated{false}; // an endpoint or server was changed while calls were claimed
    Clock::time_point catalog_read{}, scanned{}, rescanned{}, forgotten{}, served{}, first_done{};
    Clock::duration scan_cost{}, rescan_cost{}, settle_cost{};
    bool scan_owed{false}; // a turn came too early to look at all lanes
    bool crowded{false};   // the last scan ended before there was work for all that may be sent
    TimestampTz next_due{DT_NOEND};

    std::unordered_set<int64> known; // rows in memory, riders included
    std::unordered_map<std::string, Busy> busy;
    std::unordered_set<int64> heads; // rows un-parked by us: the first of their subjects
    std::vector<int64> chosen_reads, chosen_once, to_park, to_wake;
    std::unordered_map<int64, Lane *> chosen_from;
    std::multimap<int, Prepared, std::greater<>> ready; // by priority
    std::unordered_map<int64, Prepared> under_way;
    std::vector<Result> done, deferred;

    struct Note {
        std::string server, host, state, reason, endpoint, url;
    };
    std::vector<Note> notes; // about servers and addresses, written with the next turn
};

} // namespace outbox
