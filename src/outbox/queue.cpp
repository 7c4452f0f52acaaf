// Scanning lanes, parking and waking, the horizon of what can still appear (see queue.hpp).
#include "outbox/queue.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/transam.h"
}

namespace outbox::queue
{

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
        R"(
        SELECT l.lane::pg_catalog.int4, o.id, o.subject, o.due_at
          FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),
                          pg_catalog.unnest($4), pg_catalog.unnest($5))
               WITH ORDINALITY AS l (endpoint, server, due_at, id, room, lane)
         CROSS JOIN LATERAL (
               SELECT q.id, q.subject, q.due_at
                 FROM k2bridge.outbox q
                WHERE q.endpoint = l.endpoint AND coalesce(q.server, '') = l.server::pg_catalog.name
                  AND q.state = 'queued' AND NOT q.parked
                  AND (q.due_at, q.id) > (l.due_at, l.id) AND q.due_at <= $6
                ORDER BY q.due_at, q.id
                LIMIT l.room) o)",
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
        const uint64 rows =
            pg::run(statement,
                    {pg::text_array(endpoints), pg::text_array(servers), pg::timestamptz_array(due),
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
    static pg::Statement statement(R"(
        SELECT s.subject, h.id, h.parked
          FROM pg_catalog.unnest($1) s (subject)
         CROSS JOIN LATERAL (
               SELECT q.id, q.parked
                 FROM k2bridge.outbox q
                WHERE q.subject = s.subject AND q.state <> 'answered'
                ORDER BY q.id
                LIMIT 1) h)",
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
        R"(
        UPDATE k2bridge.outbox q
           SET parked = true
         WHERE q.id IN (SELECT p.id
                          FROM k2bridge.outbox p
                         WHERE p.id = ANY ($1) AND p.state = 'queued'
                           FOR UPDATE SKIP LOCKED))",
        INT8ARRAYOID);
    return ids.empty() ? 0 : pg::call([&] { return pg::run(statement, {pg::int8_array(ids)}); });
}

void wake(const std::vector<int64> &ids)
{
    static pg::Statement statement(R"(
        UPDATE k2bridge.outbox q
           SET parked = false, due_at = greatest(q.due_at, pg_catalog.clock_timestamp())
         WHERE q.id IN (SELECT p.id
                          FROM k2bridge.outbox p
                         WHERE p.id = ANY ($1) AND p.parked
                           FOR UPDATE SKIP LOCKED))",
                                   INT8ARRAYOID);
    if (!ids.empty())
        pg::call([&] { pg::run(statement, {pg::int8_array(ids)}); });
}

uint64 repair_parking()
{
    static pg::Statement statement(
        R"(
        UPDATE k2bridge.outbox q
           SET parked = false, due_at = greatest(q.due_at, pg_catalog.clock_timestamp())
         WHERE q.parked
           AND q.id IN (SELECT pg_catalog.min(p.id)
                          FROM k2bridge.outbox p
                         WHERE p.subject IS NOT NULL AND p.state <> 'answered'
                         GROUP BY p.subject))");
    return pg::call([&] { return pg::run(statement, {}); });
}

Horizon horizon()
{
    static pg::Statement statement(R"(
        SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())
               ::pg_catalog.text::pg_catalog.int8)");
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
