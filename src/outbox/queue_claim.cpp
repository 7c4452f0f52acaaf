// Reading rows into memory: claims, riders, wishes and what is due to be looked at again (see queue.hpp).
#include "outbox/queue.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"

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

// What is read of a row that has an answer or a wish, in the order of read_wish().
#define WISH_COLUMNS                                                                                         \
    JOB_COLUMNS ", o.state, o.wish, o.wish_by, o.wish_note, o.wish_reply::pg_catalog.text, o.http_status,"   \
                " o.error_code, o.reply::pg_catalog.text, o.content, o.content_type, o.file_name"

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

std::optional<std::string> optional_cell(uint64 row, int column)
{
    if (pg::cell_null(row, column))
        return std::nullopt;
    std::string text;
    pg::cell_text(row, column, text);
    return text;
}

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

std::vector<Job> claim(const std::vector<int64> &ids, Claim how, const Catalog &catalog)
{
    static pg::Statement read(R"(
        SELECT )" JOB_COLUMNS R"(
          FROM k2bridge.outbox o
         WHERE o.id = ANY ($1) AND o.state = 'queued' AND o.wish IS NULL
         ORDER BY o.due_at, o.id)",
                              INT8ARRAYOID);
    static pg::Statement count(
        R"(
        WITH free AS (SELECT p.id
                        FROM k2bridge.outbox p
                       WHERE p.id = ANY ($1) AND p.state = 'queued' AND p.wish IS NULL
                         FOR UPDATE SKIP LOCKED)
        UPDATE k2bridge.outbox o
           SET crashes = o.crashes + 1
          FROM free
         WHERE o.id = free.id
        RETURNING )" JOB_COLUMNS,
        INT8ARRAYOID);
    static pg::Statement mark(
        R"(
        WITH free AS (SELECT p.id
                        FROM k2bridge.outbox p
                       WHERE p.id = ANY ($1) AND p.state = 'queued' AND p.wish IS NULL
                         FOR UPDATE SKIP LOCKED)
        UPDATE k2bridge.outbox o
           SET state = 'sending', sent_at = pg_catalog.clock_timestamp()
          FROM free
         WHERE o.id = free.id
        RETURNING )" JOB_COLUMNS,
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
        R"(
        SELECT q.id
          FROM k2bridge.outbox q
          JOIN k2bridge.outbox o ON o.id = $1
               AND q.subject = o.subject AND q.endpoint = o.endpoint AND q.server IS NOT DISTINCT FROM o.server
         WHERE q.state = 'queued' AND q.wish IS NULL AND q.due_at <= $2 AND q.id <> $1
         ORDER BY q.id)",
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

bool asked(TimestampTz now)
{
    static pg::Statement statement(R"(
        SELECT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.wish IS NOT NULL)
            OR EXISTS (SELECT FROM k2bridge.outbox o WHERE o.state = 'answered' AND o.due_at <= $1))",
                                   TIMESTAMPTZOID);
    return pg::call([&] {
        pg::run(statement, {TimestampTzGetDatum(now)}, nullptr, true);
        return pg::cell_bool(0, 1);
    });
}

std::vector<Wish> wishes(int limit, const Catalog &catalog)
{
    static pg::Statement statement(R"(
        SELECT )" WISH_COLUMNS R"(
          FROM k2bridge.outbox o
         WHERE o.wish IS NOT NULL
         ORDER BY o.id
         LIMIT $1)",
                                   INT4OID);
    return read_wishes(statement, {Int32GetDatum(limit)}, catalog);
}

std::vector<Wish> due_answered(TimestampTz now, int limit, const Catalog &catalog)
{
    static pg::Statement statement(R"(
        SELECT )" WISH_COLUMNS R"(
          FROM k2bridge.outbox o
         WHERE o.state = 'answered' AND o.due_at <= $1 AND o.wish IS NULL
         ORDER BY o.id
         LIMIT $2)",
                                   TIMESTAMPTZOID, INT4OID);
    return read_wishes(statement, {TimestampTzGetDatum(now), Int32GetDatum(limit)}, catalog);
}

std::vector<Wish> due_uncertain(TimestampTz now, int limit, const Catalog &catalog)
{
    static pg::Statement statement(R"(
        SELECT )" WISH_COLUMNS R"(
          FROM k2bridge.outbox o
         WHERE o.state = 'uncertain' AND o.verify_at <= $1 AND o.wish IS NULL
         ORDER BY o.id
         LIMIT $2)",
                                   TIMESTAMPTZOID, INT4OID);
    return read_wishes(statement, {TimestampTzGetDatum(now), Int32GetDatum(limit)}, catalog);
}

void note_verification(int64 id, bool possible)
{
    static pg::Statement statement(
        R"(
        UPDATE k2bridge.outbox
           SET verified = verified + $2::pg_catalog.int4,
               verify_at = CASE WHEN $2 AND verified = 0 THEN pg_catalog.clock_timestamp() + '5 min'
                                WHEN $2 AND verified = 1 THEN pg_catalog.clock_timestamp() + '10 min' END
         WHERE id = $1)",
        INT8OID, BOOLOID);
    pg::call([&] { pg::run(statement, {Int64GetDatum(id), BoolGetDatum(possible)}); });
}

} // namespace outbox::queue
