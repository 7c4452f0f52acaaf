// From memory to the network and back: starting calls, taking replies, settling them (see dispatcher.hpp).
#include "outbox/dispatcher.hpp"

#include "outbox/request.hpp"

#include "pg/guard.hpp"

namespace outbox
{

namespace
{

using namespace std::chrono_literals;

constexpr size_t error_length = 2000;

reply::Reply read_reply(const Job &job, const http::Response &response)
{
    if (response.failure != http::Failure::none)
        return {};
    if (!reply::is_family(job.endpoint->reply_family)) {
        reply::Reply unknown;
        unknown.text = "reply family \"" + job.endpoint->reply_family + "\" of endpoint " +
                       job.endpoint->name + " is not known";
        return unknown;
    }
    return reply::read(job.endpoint->reply_family, response.status, response.content_type, response.body);
}

// To a length fit for a column of the queue, on a character boundary.
void shorten(std::string &text)
{
    if (text.size() <= error_length)
        return;
    size_t length = error_length;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80)
        --length;
    text.resize(length);
}

std::string address_key(const std::string &server, const std::string &endpoint, const std::string &url)
{
    return server + " " + endpoint + " " + url;
}

} // namespace

void Dispatcher::start_ready(Clock::time_point now)
{
    const TimestampTz wall = GetCurrentTimestamp();
    bool outdated = false;
    for (auto call = ready.begin(); call != ready.end();) {
        Prepared &prepared = call->second;
        const Lane &lane = *prepared.lane;
        Gate &gate = gates[prepared.job.server];
        if (!prepared.job.endpoint->at_most_once &&
            (prepared.job.endpoint->version != lane.endpoint->version || prepared.servers != servers_read ||
             prepared.server_version != gate.version())) {
            // Claimed ahead, then endpoint, server or a file of its secrets were changed: to be claimed again
            // under what they say now.
            gate.not_ready(call->first);
            release(prepared.job);
            call = ready.erase(call);
            outdated = true;
            continue;
        }
        Circuit &circuit = circuit_of(prepared.job.server, prepared.origin);
        const double rate = gate.server ? gate.server->rate_limit : 0;
        const int connections = gate.server ? gate.server->max_connections : 1;
        const bool held = !prepared.job.endpoint->at_most_once && !may_send(lane, wall);
        if (held || gate.throttle.room(now, connections, rate) == 0 || circuit.room(now) == 0) {
            ++call;
            continue;
        }
        gate.throttle.started(now, rate);
        circuit.started();
        prepared.circuit = &circuit;
        gate.not_ready(call->first);
        const int64 id = prepared.job.id;
        engine.start(static_cast<uint64_t>(id), std::move(prepared.request));
        under_way.emplace(id, std::move(prepared));
        call = ready.erase(call);
    }
    if (outdated)
        read_anew();
}

void Dispatcher::collect(Clock::time_point now)
{
    uint64_t tag;
    http::Response response;
    while (engine.finished(tag, response)) {
        auto call = under_way.extract(static_cast<int64>(tag));
        if (!call.empty())
            conclude_transfer(std::move(call.mapped()), std::move(response), now);
    }
}

void Dispatcher::conclude_transfer(Prepared prepared, http::Response response, Clock::time_point now)
{
    const Endpoint &endpoint = *prepared.job.endpoint;
    Circuit &circuit = *prepared.circuit;
    gates[prepared.job.server].throttle.finished();
    circuit.finished();

    const std::string address = address_key(prepared.job.server, endpoint.name, prepared.url);
    reply::Reply reply = read_reply(prepared.job, response);
    const Delivery delivery = endpoint.at_most_once ? Delivery::at_most_once : Delivery::at_least_once;
    Decision decision = decide(delivery, response, reply, addresses.count(address) != 0);
    shorten(decision.text);

    bool changed = false;
    const bool no_reply =
        response.failure != http::Failure::none || (decision.outage && decision.pause.count() == 0);
    if (decision.verdict == Verdict::stop)
        changed = circuit.stop(now, decision.text);
    else if (no_reply)
        changed = circuit.unanswered(now, decision.unreachable, decision.text);
    else
        changed = circuit.answered();
    if (decision.pause.count() > 0)
        circuit.hold(now + decision.pause);
    if (changed)
        note_circuit(prepared);
    if (decision.verdict == Verdict::ok && addresses.insert(address).second)
        notes.push_back({prepared.job.server, "", "", "", endpoint.name, prepared.url});
    if (!circuit.closed())
        decision.outage = true; // attempts during an outage do not count

    const double spread = std::uniform_real_distribution<double>(0, 1)(random);
    finished(conclude(std::move(prepared.job), std::move(response), std::move(reply), decision,
                      GetCurrentTimestamp(), spread));
}

void Dispatcher::finished(Result result)
{
    if (done.empty())
        first_done = Clock::now();
    done.push_back(std::move(result));
}

void Dispatcher::settle_done(Clock::time_point now)
{
    const TimestampTz wall = GetCurrentTimestamp();
    std::erase_if(deferred, [this, wall](Result &result) {
        if (result.not_before > wall)
            return false;
        finished(std::move(result));
        return true;
    });
    while (done.size() >= settle_batch ||
           (!done.empty() && (under_way.empty() || now - first_done >= settle_pause()))) {
        std::vector<Result> batch;
        const size_t count = std::min(done.size(), settle_batch);
        batch.assign(std::make_move_iterator(done.begin()),
                     std::make_move_iterator(done.begin() + static_cast<long>(count)));
        done.erase(done.begin(), done.begin() + static_cast<long>(count));
        for (const Result &result : batch)
            if (!result.outcome && result.state == "queued")
                next_due = std::min(next_due, result.due_at);
        std::vector<Job> jobs;
        for (const Result &result : batch)
            jobs.push_back(result.job);
        const Clock::time_point before = Clock::now();
        Settlement written = settle(std::move(batch), [this](const std::string &subject, int64 id) {
            const auto under = busy.find(subject);
            return under == busy.end() || under->second.late == 0 ? id : std::min(id, under->second.late);
        });
        settle_cost = Clock::now() - before;
        std::unordered_set<int64> settled;
        for (const Settled &row : written.settled)
            settled.insert(row.id);
        for (const Job &job : jobs)
            if (settled.count(job.id) != 0)
                release(job);
        for (const auto &[subject, id] : written.freed)
            heads.insert(id);
        for (Result &waiting : written.waiting)
            deferred.push_back(std::move(waiting));
        cautious = cautious && settled.empty();
        if (!written.freed.empty() || next_due <= wall)
            scanned = {};
    }
}

} // namespace outbox
