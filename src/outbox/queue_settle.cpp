// Writing outcomes: rows that are done move to k2bridge.call, the others are kept and re-dated (see
// queue.hpp).
#include "outbox/queue.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"

namespace outbox::queue
{

std::unordered_set<int64> lock(const std::vector<int64> &ids)
{
    static pg::Statement statement(
        R"(
        SELECT q.id
          FROM k2bridge.outbox q
         WHERE q.id = ANY ($1)
         ORDER BY q.id
           FOR UPDATE SKIP LOCKED)",
        INT8ARRAYOID);
    std::unordered_set<int64> locked;
    pg::call([&] {
        const uint64 rows = pg::run(statement, {pg::int8_array(ids)});
        for (uint64 row = 0; row < rows; ++row)
            locked.insert(pg::cell_int8(row, 1));
    });
    return locked;
}

// finished_at is the begin of the transaction, so that a reply stands before what its handler did.
void finish(const std::vector<const Result *> &finished)
{
    static pg::Statement statement(
        R"(
        WITH r AS (
            SELECT *
              FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),
                              pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),
                              pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9),
                              pg_catalog.unnest($10))
                   AS r (id, outcome, http_status, error_code, error_text, reply, duration, sent_as, counted, server)
        ), gone AS (
            DELETE FROM k2bridge.outbox o USING r WHERE o.id = r.id RETURNING o.*
        )
        INSERT INTO k2bridge.call (id, endpoint, server, subject, args, outcome, attempts, http_status, error_code,
                                   error_text, reply, sent_as, resent_from, correlation, created_at, created_by,
                                   finished_at, duration, delivery)
        SELECT g.id, g.endpoint, coalesce(nullif(r.server, '')::pg_catalog.name, g.server), g.subject, g.args,
               r.outcome, g.attempts + r.counted, nullif(r.http_status, 0), nullif(r.error_code, ''),
               nullif(r.error_text, ''), r.reply::pg_catalog.jsonb, nullif(r.sent_as, 0), g.resent_from,
               g.correlation, g.created_at, g.created_by, pg_catalog.now(),
               r.duration * pg_catalog.interval '1 microsecond', coalesce(e.delivery, 'at_most_once')
          FROM gone g
          JOIN r ON r.id = g.id
          LEFT JOIN k2bridge.endpoint e ON e.name = g.endpoint)",
        INT8ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
        INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID);
    std::vector<int64> ids, durations, sent_as;
    std::vector<int32> statuses, counted;
    std::vector<std::string> outcomes, codes, texts, servers;
    std::vector<std::optional<std::string>> replies;
    for (const Result *result : finished) {
        const Endpoint *endpoint = result->job.endpoint.get();
        const bool keep_reply =
            endpoint == nullptr || endpoint->at_most_once || endpoint->keep_reply == Endpoint::Keep::always ||
            (endpoint->keep_reply == Endpoint::Keep::not_ok && *result->outcome != Outcome::ok);
        auto add = [&](int64 id, int64 leader) {
            ids.push_back(id);
            outcomes.push_back(word(*result->outcome));
            statuses.push_back(result->http_status);
            codes.push_back(result->code);
            texts.push_back(result->text);
            replies.push_back(keep_reply && leader == 0 ? result->reply : std::nullopt);
            durations.push_back(result->duration);
            sent_as.push_back(leader);
            counted.push_back(leader == 0 ? result->counted : 0);
            servers.push_back(result->job.server);
        };
        add(result->job.id, 0);
        for (const int64 rider : result->job.riders)
            add(rider, result->job.id);
    }
    pg::call([&] {
        pg::run(statement, {pg::int8_array(ids), pg::text_array(outcomes), pg::int4_array(statuses),
                            pg::text_array(codes), pg::text_array(texts), pg::text_array(replies),
                            pg::int8_array(durations), pg::int8_array(sent_as), pg::int4_array(counted),
                            pg::text_array(servers)});
    });
}

void keep(const std::vector<const Result *> &kept)
{
    static pg::Statement statement(
        R"(
        UPDATE k2bridge.outbox o
           SET state = r.state, attempts = o.attempts + r.counted,
               due_at = CASE WHEN r.state = 'queued' THEN greatest(r.due_at, pg_catalog.clock_timestamp())
                             ELSE r.due_at END,
               last_error = nullif(r.error_text, ''), error_code = nullif(r.error_code, ''),
               http_status = nullif(r.http_status, 0), reply = r.reply::pg_catalog.jsonb, content = r.content,
               content_type = nullif(r.content_type, ''), file_name = nullif(r.file_name, ''),
               verify_at = CASE WHEN r.state = 'uncertain' THEN pg_catalog.clock_timestamp() END,
               crashes = 0, wish = CASE WHEN r.granted = 0 THEN o.wish END
          FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),
                          pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),
                          pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9),
                          pg_catalog.unnest($10), pg_catalog.unnest($11), pg_catalog.unnest($12))
               AS r (id, state, counted, due_at, error_text, error_code, http_status, reply, content, content_type,
                     file_name, granted)
         WHERE o.id = r.id)",
        INT8ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
        INT4ARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID);
    std::vector<int64> ids, due;
    std::vector<int32> counted, statuses, granted;
    std::vector<std::string> states, texts, codes, types, files;
    std::vector<std::optional<std::string>> replies, contents;
    for (const Result *result : kept) {
        const bool final_reply = result->state != "queued";
        ids.push_back(result->job.id);
        states.push_back(result->state);
        counted.push_back(result->counted);
        due.push_back(result->due_at);
        texts.push_back(result->text);
        codes.push_back(result->code);
        statuses.push_back(result->http_status);
        replies.push_back(final_reply ? result->reply : std::nullopt);
        contents.push_back(final_reply ? result->content : std::nullopt);
        types.push_back(result->content_type);
        files.push_back(result->file_name);
        granted.push_back(result->grants_wish);
    }
    pg::call([&] {
        pg::run(statement, {pg::int8_array(ids), pg::text_array(states), pg::int4_array(counted),
                            pg::timestamptz_array(due), pg::text_array(texts), pg::text_array(codes),
                            pg::int4_array(statuses), pg::text_array(replies), pg::bytea_array(contents),
                            pg::text_array(types), pg::text_array(files), pg::int4_array(granted)});
    });
}

std::vector<std::pair<std::string, int64>>
unpark(const std::vector<std::pair<std::string, int64>> &subjects_from)
{
    static pg::Statement statement(R"(
        UPDATE k2bridge.outbox o
           SET parked = false, due_at = greatest(o.due_at, pg_catalog.clock_timestamp())
          FROM (SELECT (SELECT q.id
                          FROM k2bridge.outbox q
                         WHERE q.subject = s.subject AND q.id >= s.id AND q.state <> 'answered'
                         ORDER BY q.id
                         LIMIT 1) AS id
                  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS s (subject, id)) n
         WHERE o.id = n.id AND o.parked
        RETURNING o.subject, o.id)",
                                   TEXTARRAYOID, INT8ARRAYOID);
    std::vector<std::string> subjects;
    std::vector<int64> from;
    for (const auto &[subject, id] : subjects_from) {
        subjects.push_back(subject);
        from.push_back(id);
    }
    std::vector<std::pair<std::string, int64>> freed;
    if (subjects.empty())
        return freed;
    pg::call([&] {
        const uint64 rows = pg::run(statement, {pg::text_array(subjects), pg::int8_array(from)});
        freed.resize(rows);
        for (uint64 row = 0; row < rows; ++row) {
            pg::cell_text(row, 1, freed[row].first);
            freed[row].second = pg::cell_int8(row, 2);
        }
    });
    return freed;
}

uint64 settle_interrupted()
{
    static pg::Statement statement(
        R"(
        UPDATE k2bridge.outbox
           SET state = 'uncertain', attempts = attempts + 1, verify_at = pg_catalog.clock_timestamp(),
               last_error = 'the dispatcher ended while the call was under way'
         WHERE state = 'sending')");
    return pg::call([&] { return pg::run(statement, {}); });
}

} // namespace outbox::queue
