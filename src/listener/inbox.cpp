// See inbox.hpp.
#include "listener/inbox.hpp"

#include "pg/sql.hpp"

#include <algorithm>

namespace listener
{

namespace
{

constexpr size_t largest_payload = 65536; // that is kept as jsonb too

pg::Statement insert_rows(
    R"(
    INSERT INTO k2bridge.inbox (service, client, remote_addr, received_at, duration, body, payload, http_status,
                                reply, correlation)
    SELECT r.service, r.client, nullif(r.remote, '')::pg_catalog.inet,
           pg_catalog.clock_timestamp() - r.took * pg_catalog.interval '1 microsecond',
           r.took * pg_catalog.interval '1 microsecond', r.body,
           CASE WHEN r.is_payload OPERATOR(pg_catalog.=) 1
                THEN pg_catalog.convert_from(r.body, 'UTF8')::pg_catalog.jsonb END,
           r.status, pg_catalog.convert_from(r.reply, 'UTF8')::pg_catalog.jsonb, r.correlation::pg_catalog.uuid
      FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),
                      pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),
                      pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9))
           AS r (service, client, remote, took, body, is_payload, status, reply, correlation))",
    TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, BYTEAARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
    BYTEAARRAYOID, TEXTARRAYOID);

pg::Statement link_rejected(R"(
    UPDATE k2bridge.rejected_item j
       SET inbox_id = i.id
      FROM k2bridge.inbox i
     WHERE i.correlation OPERATOR(pg_catalog.=) j.correlation AND j.inbox_id IS NULL
       AND j.correlation = ANY ($1::pg_catalog.uuid[]))",
                            TEXTARRAYOID);

} // namespace

void archive(const std::vector<const Exchange *> &exchanges, const std::vector<const Answer *> &answers)
{
    std::vector<std::string> services, clients, callers, stories, rejecting;
    std::vector<int64> durations;
    std::vector<int32> statuses, payloads;
    std::vector<std::optional<std::string>> bodies, replies;
    for (size_t i = 0; i < exchanges.size(); ++i) {
        const Exchange &exchange = *exchanges[i];
        const Answer &answer = *answers[i];
        const auto took = Clock::now() - exchange.complete;
        services.push_back(exchange.service ? exchange.service->name : exchange.path);
        clients.push_back(exchange.client->name);
        callers.push_back(print(exchange.caller));
        stories.push_back(exchange.story);
        durations.push_back(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
        bodies.emplace_back(exchange.body);
        payloads.push_back(exchange.service && answer.readable && exchange.body.size() <= largest_payload &&
                           !exchange.body.starts_with("\xEF"));
        statuses.push_back(answer.status);
        replies.emplace_back(answer.reply);
        if (answer.rejects)
            rejecting.push_back(exchange.story);
    }
    pg::call([&] {
        pg::run(insert_rows, {pg::text_array(services), pg::text_array(clients), pg::text_array(callers),
                              pg::int8_array(durations), pg::bytea_array(bodies), pg::int4_array(payloads),
                              pg::int4_array(statuses), pg::bytea_array(replies), pg::text_array(stories)});
        if (!rejecting.empty())
            pg::run(link_rejected, {pg::text_array(rejecting)});
    });
}

} // namespace listener
