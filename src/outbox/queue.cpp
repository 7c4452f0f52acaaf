// See queue.hpp.
#include "outbox/queue.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/transam.h"
#include "utils/array.h"
}

namespace outbox::queue
{

namespace
{

// What claim() and wishes() read of a row, in the order of read_job().
#define JOB_COLUMNS                                                                                          \
    "o.id, o.endpoint, coalesce(o.server, ''), o.subject, o.args, o.attempts, o.created_by,"                 \
    " o.correlation, o.created_at, o.crashes,"                                                               \
    " (SELECT e.xmin FROM k2bridge.endpoint e WHERE e.name = o.endpoint)"
constexpr int job_columns = 11;

void read_job(uint64 row, Job &job, const Catalog &catalog)
{
    bool null;
    job.id = pg::cell_int8(row, 1);
    std::string text;
    pg::cell_text(row, 2, text);
    const auto known = catalog.find(text);
    if (known != catalog.end())
        job.endpoint = known->second;
    pg::cell_text(row, 3, job.server);
    if (!pg::cell_null(row, 4))
        pg::cell_text(row, 4, job.subject.emplace());
    const Jsonb *args = DatumGetJsonbP(pg::cell(row, 5, &null));
    job.args.assign(reinterpret_cast<const char *>(args), VARSIZE(args));
    job.attempts = pg::cell_int4(row, 6);
    pg::cell_text(row, 7, job.created_by);
    job.correlation = *DatumGetUUIDP(pg::cell(row, 8, &null));
    job.created_at = DatumGetTimestampTz(pg::cell(row, 9, &null));
    job.crashes = pg::cell_int4(row, 10);
    const Datum version = pg::cell(row, 11, &null);
    job.endpoint_version = null ? InvalidTransactionId : DatumGetTransactionId(version);
}

Datum timestamp_array(const std::vector<int64> &values)
{
    // timestamptz is an int64 of microseconds; the array differs from bigint[] in its element type alone.
    Datum array = pg::int8_array(values);
    reinterpret_cast<ArrayType *>(DatumGetPointer(array))->elemtype = TIMESTAMPTZOID;
    return array;
}

std::optional<std::string> optional_cell(uint64 row, int column)
{
    if (pg::cell_null(row, column))
        return std::nullopt;
    std::string text;
    pg::cell_text(row, column, text);
    return text;
}

} // namespace

void plan_by_index(bool on)
{
    pg::call([on] {
        for (const char *method :
             {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"})
            set_config_option(method, on ? "off" : "on", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
                              false);
        set_config_option("jit", "off", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
        set_config_option("plan_cache_mode", on ? "force_generic_plan" : "auto", PGC_SUSET, PGC_S_SESSION,
                          GUC_ACTION_LOCAL, true, 0, false);
    });
}

std::vector<Candidate> scan(const std::vector<LaneScan> &lanes, TimestampTz now)
{
    static pg::Statement statement(
        "SELECT l.lane::pg_catalog.int4, o.id, o.subject, o.due_at"
        " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), "
        "pg_catalog.unnest($4),"
        "   pg_catalog.unnest($5)) WITH ORDINALITY AS l (endpoint, server, due_at, id, room, lane)"
        " CROSS JOIN LATERAL (SELECT q.id, q.subject, q.due_at FROM k2bridge.outbox q"
        "   WHERE q.endpoint = l.endpoint AND coalesce(q.server, '') = l.server::pg_catalog.name"
        "     AND q.state = 'queued' AND NOT q.parked AND (q.due_at, q.id) > (l.due_at, l.id) AND q.due_at "
        "<= $6"
        "   ORDER BY q.due_at, q.id LIMIT l.room) o",
        TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID);
    std::vector<std::string> endpoints, servers;
    std::vector<int64> due, ids;
    std::vector<int32> rooms;
    for (const LaneScan &lane : lanes) {
        endpoints.push_back(lane.endpoint);
        servers.push_back(lane.server);
        due.push_back(lane.after.due_at);
        ids.push_back(lane.after.id);
        rooms.push_back(lane.limit);
    }
    std::vector<Candidate> found;
    pg::call([&] {
        const uint64 rows = pg::run(statement,
                                    {pg::text_array(endpoints), pg::text_array(servers), timestamp_array(due),
                                     pg::int8_array(ids), pg::int4_array(rooms), TimestampTzGetDatum(now)},
                                    nullptr, true);
        found.resize(rows);
        bool null;
        for (uint64 row = 0; row < rows; ++row) {
            found[row].lane = pg::cell_int4(row, 1) - 1;
            found[row].id = pg::cell_int8(row, 2);
            if (!pg::cell_null(row, 3))
                pg::cell_text(row, 3, found[row].subject.emplace());
            found[row].due_at = DatumGetTimestampTz(pg::cell(row, 4, &null));
        }
    });
    return found;
}

std::map<std::string, Head> heads(const std::vector<std::string> &subjects)
{
    static pg::Statement statement("SELECT s.subject, h.id, h.parked FROM pg_catalog.unnest($1) s (subject) "
                                   "CROSS JOIN LATERAL (SELECT q.id, q.parked"
                                   "   FROM k2bridge.outbox q WHERE q.subject = s.subject AND q.state <> "
                                   "'answered' ORDER BY q.id LIMIT 1) h",
                                   TEXTARRAYOID);
    std::map<std::string, Head> found;
    pg::call([&] {
        const uint64 rows = pg::run(statement, {pg::text_array(subjects)}, nullptr, true);
        for (uint64 row = 0; row < rows; ++row)
            found[SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1)] = {pg::cell_int8(row, 2),
                                                                                      pg::cell_bool(row, 3)};
    });
    return found;
}

uint64 park(const std::vector<int64> &ids)
{
    static pg::Statement statement(
        "UPDATE k2bridge.outbox q SET parked = true WHERE q.id IN (SELECT p.id FROM k2bridge.outbox p"
        " WHERE p.id = ANY ($1) AND p.state = 'queued' FOR UPDATE SKIP LOCKED)",
        INT8ARRAYOID);
    return ids.empty() ? 0 : pg::call([&] { return pg::run(statement, {pg::int8_array(ids)}); });
}

void wake(const std::vector<int64> &ids)
{
    static pg::Statement statement("UPDATE k2bridge.outbox q SET parked = false,"
                                   " due_at = greatest(q.due_at, pg_catalog.clock_timestamp())"
                                   " WHERE q.id IN (SELECT p.id FROM k2bridge.outbox p"
                                   " WHERE p.id = ANY ($1) AND p.parked FOR UPDATE SKIP LOCKED)",
                                   INT8ARRAYOID);
    if (!ids.empty())
        pg::call([&] { pg::run(statement, {pg::int8_array(ids)}); });
}

uint64 repair_parking()
{
    static pg::Statement statement(
        "UPDATE k2bridge.outbox q SET parked = false, due_at = greatest(q.due_at, "
        "pg_catalog.clock_timestamp())"
        " WHERE q.parked AND q.id IN (SELECT pg_catalog.min(p.id) FROM k2bridge.outbox p"
        "   WHERE p.subject IS NOT NULL AND p.state <> 'answered' GROUP BY p.subject)");
    return pg::call([&] { return pg::run(statement, {}); });
}

std::vector<Job> claim(const std::vector<int64> &ids, Claim how, const Catalog &catalog)
{
    static pg::Statement read("SELECT " JOB_COLUMNS
                              " FROM k2bridge.outbox o WHERE o.id = ANY ($1) AND o.state = 'queued'"
                              " AND o.wish IS NULL ORDER BY o.due_at, o.id",
                              INT8ARRAYOID);
    static pg::Statement count(
        "WITH free AS (SELECT p.id FROM k2bridge.outbox p WHERE p.id = ANY ($1) AND p.state = 'queued'"
        "   AND p.wish IS NULL FOR UPDATE SKIP LOCKED)"
        " UPDATE k2bridge.outbox o SET crashes = o.crashes + 1 FROM free WHERE o.id = free.id"
        " RETURNING " JOB_COLUMNS,
        INT8ARRAYOID);
    static pg::Statement mark(
        "WITH free AS (SELECT p.id FROM k2bridge.outbox p WHERE p.id = ANY ($1) AND p.state = 'queued'"
        "   AND p.wish IS NULL FOR UPDATE SKIP LOCKED)"
        " UPDATE k2bridge.outbox o SET state = 'sending', sent_at = pg_catalog.clock_timestamp()"
        " FROM free WHERE o.id = free.id RETURNING " JOB_COLUMNS,
        INT8ARRAYOID);
    pg::Statement &statement = how == Claim::sending ? mark : how == Claim::counted ? count : read;
    std::vector<Job> jobs;
    if (ids.empty())
        return jobs;
    pg::call([&] {
        const uint64 rows = pg::run(statement, {pg::int8_array(ids)});
        jobs.resize(rows);
        for (uint64 row = 0; row < rows; ++row)
            read_job(row, jobs[row], catalog);
    });
    return jobs;
}

std::vector<int64> riders(const Job &job, TimestampTz now)
{
    static pg::Statement statement(
        "SELECT q.id FROM k2bridge.outbox q JOIN k2bridge.outbox o ON o.id = $1"
        " AND q.subject = o.subject AND q.endpoint = o.endpoint"
        " AND q.server IS NOT DISTINCT FROM o.server"
        " WHERE q.state = 'queued' AND q.wish IS NULL AND q.due_at <= $2 AND q.id <> $1 ORDER BY q.id",
        INT8OID, TIMESTAMPTZOID);
    std::vector<int64> ids;
    pg::call([&] {
        const uint64 rows =
            pg::run(statement, {Int64GetDatum(job.id), TimestampTzGetDatum(now)}, nullptr, true);
        for (uint64 row = 0; row < rows; ++row)
            ids.push_back(pg::cell_int8(row, 1));
    });
    return ids;
}

std::unordered_set<int64> lock(const std::vector<int64> &ids)
{
    static pg::Statement statement(
        "SELECT q.id FROM k2bridge.outbox q WHERE q.id = ANY ($1) ORDER BY q.id FOR UPDATE SKIP LOCKED",
        INT8ARRAYOID);
    std::unordered_set<int64> locked;
    pg::call([&] {
        const uint64 rows = pg::run(statement, {pg::int8_array(ids)});
        for (uint64 row = 0; row < rows; ++row)
            locked.insert(pg::cell_int8(row, 1));
    });
    return locked;
}

void finish(const std::vector<const Result *> &finished)
{
    static pg::Statement statement(
        "WITH r AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), "
        "pg_catalog.unnest($3),"
        "     pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7),"
        "     pg_catalog.unnest($8), pg_catalog.unnest($9), pg_catalog.unnest($10))"
        "   AS r (id, outcome, http_status, error_code, error_text, reply, duration, sent_as, counted, "
        "server)),"
        " gone AS (DELETE FROM k2bridge.outbox o USING r WHERE o.id = r.id RETURNING o.*)"
        " INSERT INTO k2bridge.call (id, endpoint, server, subject, args, outcome, attempts, http_status, "
        "error_code,"
        "   error_text, reply, sent_as, resent_from, correlation, created_at, created_by, finished_at, "
        "duration, delivery)"
        " SELECT g.id, g.endpoint, coalesce(nullif(r.server, '')::pg_catalog.name, g.server), g.subject, "
        "g.args, r.outcome,"
        "   g.attempts + r.counted, nullif(r.http_status, 0), nullif(r.error_code, ''), nullif(r.error_text, "
        "''),"
        "   r.reply::pg_catalog.jsonb, nullif(r.sent_as, 0), g.resent_from, g.correlation, g.created_at, "
        "g.created_by,"
        "   pg_catalog.clock_timestamp(), r.duration * pg_catalog.interval '1 microsecond',"
        "   coalesce(e.delivery, 'at_most_once')"
        " FROM gone g JOIN r ON r.id = g.id LEFT JOIN k2bridge.endpoint e ON e.name = g.endpoint",
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
        "UPDATE k2bridge.outbox o SET state = r.state, attempts = o.attempts + r.counted,"
        "   due_at = CASE WHEN r.state = 'queued' THEN greatest(r.due_at, pg_catalog.clock_timestamp()) ELSE "
        "r.due_at END,"
        "   last_error = nullif(r.error_text, ''), error_code = nullif(r.error_code, ''),"
        "   http_status = nullif(r.http_status, 0), reply = r.reply::pg_catalog.jsonb, content = r.content,"
        "   content_type = nullif(r.content_type, ''), file_name = nullif(r.file_name, ''),"
        "   verify_at = CASE WHEN r.state = 'uncertain' THEN pg_catalog.clock_timestamp() END,"
        "   crashes = 0, wish = CASE WHEN r.granted = 0 THEN o.wish END"
        " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), "
        "pg_catalog.unnest($4),"
        "     pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8),"
        "     pg_catalog.unnest($9), pg_catalog.unnest($10), pg_catalog.unnest($11), pg_catalog.unnest($12))"
        "   AS r (id, state, counted, due_at, error_text, error_code, http_status, reply, content, "
        "content_type, file_name,"
        "         granted)"
        " WHERE o.id = r.id",
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
                            timestamp_array(due), pg::text_array(texts), pg::text_array(codes),
                            pg::int4_array(statuses), pg::text_array(replies), pg::bytea_array(contents),
                            pg::text_array(types), pg::text_array(files), pg::int4_array(granted)});
    });
}

std::vector<std::pair<std::string, int64>>
unpark(const std::vector<std::pair<std::string, int64>> &subjects_from)
{
    static pg::Statement statement("UPDATE k2bridge.outbox o SET parked = false, due_at = greatest(o.due_at, "
                                   "pg_catalog.clock_timestamp())"
                                   " FROM (SELECT (SELECT q.id FROM k2bridge.outbox q WHERE q.subject = "
                                   "s.subject AND q.id >= s.id AND q.state <> 'answered'"
                                   "   ORDER BY q.id LIMIT 1) AS id FROM ROWS FROM (pg_catalog.unnest($1), "
                                   "pg_catalog.unnest($2)) AS s (subject, id)) n"
                                   " WHERE o.id = n.id AND o.parked RETURNING o.subject, o.id",
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
        "UPDATE k2bridge.outbox SET state = 'uncertain', attempts = attempts + 1, verify_at = "
        "pg_catalog.clock_timestamp(),"
        " last_error = 'the dispatcher ended while the call was under way' WHERE state = 'sending'");
    return pg::call([&] { return pg::run(statement, {}); });
}

namespace
{

#define STORED_COLUMNS                                                                                       \
    "o.state, o.wish, o.wish_by, o.wish_note, o.wish_reply::pg_catalog.text, o.http_status, o.error_code,"   \
    " o.reply::pg_catalog.text, o.content, o.content_type, o.file_name"

void read_wish(uint64 row, Wish &wish, const Catalog &catalog)
{
    constexpr int first = job_columns + 1;
    read_job(row, wish.job, catalog);
    pg::cell_text(row, first, wish.state);
    pg::cell_text(row, first + 1, wish.what);
    pg::cell_text(row, first + 2, wish.by);
    pg::cell_text(row, first + 3, wish.note);
    wish.reply = optional_cell(row, first + 4);
    wish.stored.job = wish.job;
    wish.stored.http_status = pg::cell_int4(row, first + 5);
    pg::cell_text(row, first + 6, wish.stored.code);
    wish.stored.reply = optional_cell(row, first + 7);
    bool null;
    const Datum content = pg::cell(row, first + 8, &null);
    if (!null) {
        const bytea *bytes = DatumGetByteaPP(content);
        wish.stored.content.emplace(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
    }
    pg::cell_text(row, first + 9, wish.stored.content_type);
    pg::cell_text(row, first + 10, wish.stored.file_name);
    wish.stored.outcome = wish.stored.code.empty() ? Outcome::ok : Outcome::refused;
}

std::vector<Wish> read_wishes(pg::Statement &statement, std::initializer_list<Datum> values,
                              const Catalog &catalog)
{
    std::vector<Wish> found;
    pg::call([&] {
        const uint64 rows = pg::run(statement, values);
        found.resize(rows);
        for (uint64 row = 0; row < rows; ++row)
            read_wish(row, found[row], catalog);
    });
    return found;
}

} // namespace

std::vector<Wish> wishes(int limit, const Catalog &catalog)
{
    static pg::Statement statement("SELECT " JOB_COLUMNS ", " STORED_COLUMNS
                                   " FROM k2bridge.outbox o WHERE o.wish IS NOT NULL"
                                   " ORDER BY o.id LIMIT $1",
                                   INT4OID);
    return read_wishes(statement, {Int32GetDatum(limit)}, catalog);
}

std::vector<Wish> due_answered(TimestampTz now, int limit, const Catalog &catalog)
{
    static pg::Statement statement("SELECT " JOB_COLUMNS ", " STORED_COLUMNS
                                   " FROM k2bridge.outbox o WHERE o.state = 'answered'"
                                   " AND o.due_at <= $1 AND o.wish IS NULL ORDER BY o.id LIMIT $2",
                                   TIMESTAMPTZOID, INT4OID);
    return read_wishes(statement, {TimestampTzGetDatum(now), Int32GetDatum(limit)}, catalog);
}

std::vector<Wish> due_uncertain(TimestampTz now, int limit, const Catalog &catalog)
{
    static pg::Statement statement("SELECT " JOB_COLUMNS ", " STORED_COLUMNS
                                   " FROM k2bridge.outbox o WHERE o.state = 'uncertain'"
                                   " AND o.verify_at <= $1 AND o.wish IS NULL ORDER BY o.id LIMIT $2",
                                   TIMESTAMPTZOID, INT4OID);
    return read_wishes(statement, {TimestampTzGetDatum(now), Int32GetDatum(limit)}, catalog);
}

void note_verification(int64 id, bool possible)
{
    static pg::Statement statement(
        "UPDATE k2bridge.outbox SET verified = verified + $2::pg_catalog.int4,"
        " verify_at = CASE WHEN $2 AND verified = 0 THEN pg_catalog.clock_timestamp() + '5 min'"
        " WHEN $2 AND verified = 1 THEN pg_catalog.clock_timestamp() + '10 min' END WHERE id = $1",
        INT8OID, BOOLOID);
    pg::call([&] { pg::run(statement, {Int64GetDatum(id), BoolGetDatum(possible)}); });
}

Horizon horizon()
{
    static pg::Statement statement("SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())"
                                   "::pg_catalog.text::pg_catalog.int8");
    Horizon bounds{};
    pg::call([&] {
        pg::run(statement, {}, nullptr, true);
        bounds.xmin = static_cast<uint64>(pg::cell_int8(0, 1));
        // Not the snapshot's xmax: that leaves out running transactions younger than the last that ended.
        bounds.next = U64FromFullTransactionId(ReadNextFullTransactionId());
    });
    return bounds;
}

} // namespace outbox::queue
