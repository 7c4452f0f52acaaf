-- k2bridge.trace(key): the whole story of a ПТ, a contract, an IIN, a payment or a correlation, in order.
--
-- A key is first resolved to a scope: the objects it names and the correlations in which they changed. Then each source
-- is read by its index, never by the size of the history. A request that concerned ten thousand loans shows the one
-- asked for. PL/pgSQL and generic plans: planning for every partition anew would take longer than reading.

CREATE TYPE k2bridge.trace_row AS (
    at        timestamptz,
    direction text,
    who       text,
    what      text,
    outcome   text,
    detail    text,
    id        bigint
);
COMMENT ON TYPE k2bridge.trace_row IS
'A moment of a story. direction: in (a request came), change (a row), status (an event), person (an operation), out (a call was queued), reply (it ended); detail is JSON.';

CREATE TYPE k2bridge.trace_scope AS (
    story    uuid,
    names    text[],
    about    text[],
    iins     text[],
    loans    bigint[],
    refers   text[],
    codes    text[],
    stories  uuid[],
    payments bigint[]
);
COMMENT ON TYPE k2bridge.trace_scope IS
'What a trace is about: a correlation alone, or the names in payloads and in arguments of calls, IINs, loans, incoming and outgoing ПТ, the correlations of their changes, and payments of Autoclient.';

CREATE FUNCTION k2bridge.trace_find(key text) RETURNS k2bridge.trace_scope
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    scope k2bridge.trace_scope;
BEGIN
    IF key ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        scope.story := key::uuid;
        scope.stories := ARRAY[scope.story];
        scope.payments := autoclient.trace_payments(key, scope.story);
        RETURN scope;
    END IF;
    scope.iins := ARRAY(SELECT key WHERE key ~ '^[0-9]{12}$');
    scope.loans := ARRAY(SELECT l.id FROM k2.loan l
                          WHERE l.contract_number = key OR l.dbz_contract_number = key OR l.iinbin = ANY (scope.iins));
    scope.refers := ARRAY(SELECT r.refer FROM k2.req r
                           WHERE r.refer = key OR r.dbz_num = key OR r.iinbin = ANY (scope.iins)
                          UNION SELECT r.refer FROM k2.loan l JOIN k2.req r ON r.dbz_num = l.dbz_contract_number AND r.iinbin = l.iinbin
                                 WHERE l.id = ANY (scope.loans));
    scope.codes := ARRAY(SELECT e.code FROM k2.extreq e WHERE e.code = key OR e.loan_id = ANY (scope.loans));
    IF key ~ '^[0-9]{1,18}$' AND scope.loans = '{}' AND scope.refers = '{}' AND scope.codes = '{}' THEN
        scope.codes := ARRAY(SELECT p.refer FROM k2.extreq_pay p WHERE p.trn_id = key::bigint);
    END IF;
    scope.payments := autoclient.trace_payments(key, NULL);
    scope.codes := ARRAY(SELECT unnest(scope.codes) UNION SELECT unnest(autoclient.trace_codes(scope.payments)));
    scope.payments := ARRAY(SELECT unnest(scope.payments) UNION SELECT unnest(autoclient.trace_paid_for(scope.codes)));
    scope.names := ARRAY(SELECT key UNION SELECT unnest(scope.refers || scope.codes)
                         UNION SELECT l.contract_number FROM k2.loan l WHERE l.id = ANY (scope.loans));
    scope.about := ARRAY(SELECT unnest(ARRAY[l.id::text, l.contract_number, l.dbz_contract_number])
                           FROM k2.loan l WHERE l.id = ANY (scope.loans));
    scope.stories := ARRAY(
        SELECT v.correlation FROM k2.req_event v WHERE v.refer = ANY (scope.refers)
        UNION SELECT v.correlation FROM k2.extreq_event v WHERE v.refer = ANY (scope.codes)
        UNION SELECT d.correlation FROM k2.loan_debt d WHERE d.loan_id = ANY (scope.loans)
        UNION SELECT a.correlation FROM k2bridge.trace_objects(scope) o JOIN k2bridge.audit a ON a.object = o.object AND a.key = o.key);
    RETURN scope;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_find(text) IS 'What k2bridge.trace is asked about.';

CREATE FUNCTION k2bridge.trace_objects(scope k2bridge.trace_scope) RETURNS TABLE (object text, key text)
    LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'k2.loan', unnest((scope).loans)::text
    UNION ALL SELECT 'k2.req', unnest((scope).refers)
    UNION ALL SELECT 'k2.extreq', unnest((scope).codes)
    UNION ALL SELECT 'k2.extreq_pay', p.trn_id::text FROM k2.extreq_pay p WHERE p.refer = ANY ((scope).codes)
    UNION ALL SELECT 'k2.client', c.id::text FROM k2.client c WHERE c.iin = ANY ((scope).iins)
    UNION ALL SELECT 'k2.exclusion', x.id::text FROM k2.exclusion x WHERE x.iin = ANY ((scope).iins)
    UNION ALL SELECT 'k2.loan_exclude', e.iin || ' ' || e.dbz_num FROM k2.loan_exclude e WHERE e.iin = ANY ((scope).iins)
    UNION SELECT 'k2.loan_exclude', l.iinbin || ' ' || l.dbz_contract_number FROM k2.loan l WHERE l.id = ANY ((scope).loans)
    UNION ALL SELECT 'k2.rzap', r.refer FROM k2.rzap r WHERE r.refer = ANY ((scope).names)
    UNION ALL SELECT 'autoclient.payment', unnest((scope).payments)::text
$$;
COMMENT ON FUNCTION k2bridge.trace_objects(k2bridge.trace_scope) IS 'The rows of a scope as k2bridge.audit names them.';

CREATE FUNCTION k2bridge.trace_subjects(scope k2bridge.trace_scope) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT 'req:' || unnest((scope).refers)
                 UNION ALL SELECT 'extreq:' || unnest((scope).codes)
                 UNION ALL SELECT 'loan:' || l.id || ':' || p.part || w.wait
                             FROM unnest((scope).loans) AS l (id)
                            CROSS JOIN unnest('{client,accounts,statement,scan,debt}'::text[]) AS p (part)
                            CROSS JOIN unnest('{"",:again}'::text[]) AS w (wait)
                 UNION ALL SELECT 'payment:' || unnest((scope).payments)
                 UNION ALL SELECT 'payment_ref:' || unnest((scope).names))
$$;
COMMENT ON FUNCTION k2bridge.trace_subjects(k2bridge.trace_scope) IS 'The subjects of the calls about a scope; a bank''s own calls about outgoing ПТ join in with extreq:<code>.';

CREATE FUNCTION k2bridge.trace_statuses(scope k2bridge.trace_scope) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT v.at, 'status', v.source, 'k2.req ' || v.refer, v.kind,
           jsonb_strip_nulls(jsonb_build_object('reason_code', v.reason_code, 'note', v.note))::text, v.id
      FROM (SELECT e.* FROM k2.req_event e WHERE e.refer = ANY (scope.refers)
            UNION ALL SELECT e.* FROM k2.req_event e WHERE e.correlation = scope.story) v
    UNION ALL
    SELECT v.at, 'status', v.source, 'k2.extreq ' || v.refer, v.kind,
           jsonb_strip_nulls(jsonb_build_object('reason_code', v.reason_code, 'amount', v.amount, 'note', v.note))::text, v.id
      FROM (SELECT e.* FROM k2.extreq_event e WHERE e.refer = ANY (scope.codes)
            UNION ALL SELECT e.* FROM k2.extreq_event e WHERE e.correlation = scope.story) v
    UNION ALL
    SELECT d.at, 'status', d.created_by::text, 'k2.loan ' || d.loan_id, 'DEBT',
           jsonb_build_object('debt', d.debt, 'source', d.source)::text, d.loan_id
      FROM (SELECT e.* FROM k2.loan_debt e WHERE e.loan_id = ANY (scope.loans)
            UNION ALL SELECT e.* FROM k2.loan_debt e WHERE e.correlation = scope.story) d
    UNION ALL
    SELECT h.at, 'status', h.author, 'k2.loan_exclude ' || h.iin || ' ' || h.dbz_num, h.code,
           jsonb_strip_nulls(jsonb_build_object('title', h.title))::text, h.id
      FROM (SELECT l.iinbin, l.dbz_contract_number FROM k2.loan l WHERE l.id = ANY (scope.loans)
            UNION SELECT e.iin, e.dbz_num FROM k2.loan_exclude e WHERE e.iin = ANY (scope.iins)) AS w (iin, dbz_num)
      JOIN k2.loan_exclude_hist h ON h.iin = w.iin AND h.dbz_num = w.dbz_num;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_statuses(k2bridge.trace_scope) IS 'Part of k2bridge.trace: events, debts, bans.';

-- One statement for all ways to a finished call: planning for every daily partition takes longer than reading, and the plan
-- is kept for the session. Each arm has an index of its own; a plain index scan could only read one from end to end.
CREATE FUNCTION k2bridge.trace_finished(scope k2bridge.trace_scope, subjects text[]) RETURNS SETOF k2bridge.call_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_indexscan = off AS $$
DECLARE
    wanted text[] := subjects;
    verifying text[];
    told uuid;
    story uuid := scope.story;
    iins text[] := scope.iins;
    about text[] := scope.about;
    pushing uuid[] := CASE WHEN scope.iins <> '{}' THEN scope.stories END;
    arguments jsonb[] := k2bridge.trace_arguments(scope);
    one record;
BEGIN
    LOOP
        verifying := '{}';
        FOR one IN
            SELECT c.* FROM k2bridge.call c
             WHERE (c.subject = ANY (wanted) AND (told IS NULL OR c.correlation <> told))
                OR c.correlation = story
                OR (c.correlation = ANY (pushing) AND c.subject = 'exclusions')
                OR (c.subject IS NULL AND c.args ->> 'iinbin' = ANY (iins))
                OR (c.subject IS NULL AND c.args @> ANY (arguments)
                    AND coalesce(c.args #>> '{about,loan_id}', c.args ->> 'contract_number', c.args ->> 'dbz_num') = ANY (about))
        LOOP
            RETURN NEXT (one.id, one.endpoint, one.server, one.subject, one.args, one.outcome, one.attempts, one.http_status,
                         one.error_code, one.error_text, one.reply, one.sent_as, one.resent_from, one.correlation, one.created_at,
                         one.created_by, one.finished_at, one.duration, NULL, NULL, NULL)::k2bridge.call_row;
            IF one.delivery = 'at_most_once' THEN
                verifying := verifying || ('verify:' || one.id);
            END IF;
        END LOOP;
        -- What verified a call is part of its story.
        EXIT WHEN verifying = '{}';
        wanted := verifying;
        told := scope.story;
        story := NULL;
        iins := NULL;
        about := NULL;
        pushing := NULL;
    END LOOP;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_finished(k2bridge.trace_scope, text[]) IS
'The finished calls of a scope: by correlation, by subject, the pushes of its exclusions, and direct calls by their arguments.';

-- Calls are told twice, when they were queued and when they ended: that is the order in which things happened.
CREATE FUNCTION k2bridge.trace_calls(scope k2bridge.trace_scope, subjects text[]) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT c.id, c.endpoint, c.server, c.subject, c.args, c.created_at, c.created_by, c.resent_from, c.finished_at AS ended_at,
               c.outcome, jsonb_build_object('http_status', c.http_status, 'error_code', c.error_code, 'error_text', c.error_text,
                                             'reply', c.reply, 'attempts', c.attempts, 'duration', c.duration, 'sent_as', c.sent_as) AS ending
          FROM k2bridge.trace_finished(scope, subjects) c
        UNION ALL
        SELECT o.id, o.endpoint, o.server, o.subject, o.args, o.created_at, o.created_by, o.resent_from,
               CASE WHEN o.state <> 'queued' OR o.last_error IS NOT NULL THEN coalesce(o.sent_at, o.created_at) END, o.state,
               jsonb_build_object('http_status', o.http_status, 'error_code', o.error_code, 'error_text', o.last_error,
                                  'reply', o.reply, 'attempts', o.attempts, 'found', o.found)
          FROM (SELECT q.* FROM k2bridge.outbox q WHERE q.subject = ANY (subjects)
                UNION ALL
                SELECT q.* FROM k2bridge.outbox q
                 WHERE scope.story IS NOT NULL AND q.correlation = scope.story AND q.subject = ANY (subjects) IS NOT TRUE) o
    )
    SELECT k.created_at, 'out', k.created_by::text, k.endpoint, 'queued',
           jsonb_strip_nulls(jsonb_build_object('server', k.server, 'subject', k.subject, 'args', k.args,
                                                'resent_from', k.resent_from))::text, k.id
      FROM known k
    UNION ALL
    SELECT k.ended_at, 'reply', k.server::text, k.endpoint, k.outcome, jsonb_strip_nulls(k.ending)::text, k.id
      FROM known k WHERE k.ended_at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_calls(k2bridge.trace_scope, text[]) IS 'Part of k2bridge.trace: calls, finished or not, and their replies.';

CREATE FUNCTION k2bridge.trace_arguments(scope k2bridge.trace_scope) RETURNS jsonb[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT jsonb_build_object('about', jsonb_build_object('loan_id', l.id)) FROM unnest((scope).loans) AS l (id)
                 UNION SELECT jsonb_build_object('contract_number', l.contract_number) FROM k2.loan l WHERE l.id = ANY ((scope).loans)
                 UNION SELECT jsonb_build_object('dbz_num', l.dbz_contract_number) FROM k2.loan l WHERE l.id = ANY ((scope).loans))
$$;
COMMENT ON FUNCTION k2bridge.trace_arguments(k2bridge.trace_scope) IS 'What the arguments of direct calls about a scope contain.';

CREATE FUNCTION k2bridge.trace_changes(scope k2bridge.trace_scope, calls bigint[]) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.at, CASE WHEN s.state IS NOT NULL THEN 'status' WHEN a.action IN ('insert', 'update', 'delete', 'truncate') THEN 'change' ELSE 'person' END,
           coalesce(a.client, a.actor)::text, concat_ws(' ', a.object, a.key), coalesce(s.state, a.action),
           jsonb_strip_nulls(jsonb_build_object('old', a.old, 'new', a.new, 'note', a.note))::text, a.id
      FROM (SELECT b.* FROM k2bridge.trace_objects(scope) o
              JOIN k2bridge.audit b ON b.object = o.object AND b.key = o.key
             WHERE scope.story IS NULL OR b.correlation IS DISTINCT FROM scope.story
            UNION ALL
            SELECT b.* FROM unnest(calls) AS c (id)
             CROSS JOIN unnest('{k2bridge.outbox,k2bridge.call}'::text[]) AS o (name)
              JOIN k2bridge.audit b ON b.object = o.name AND b.key = c.id::text
             WHERE scope.story IS NULL OR b.correlation <> scope.story
            UNION ALL
            SELECT b.* FROM k2bridge.audit b WHERE b.correlation = scope.story) a
     CROSS JOIN LATERAL (SELECT CASE WHEN a.object = 'autoclient.payment' AND a.action = 'update' THEN a.new ->> 'state' END AS state) s;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_changes(k2bridge.trace_scope, bigint[]) IS 'Part of k2bridge.trace: rows changed, and what persons did.';

CREATE FUNCTION k2bridge.trace_payload(payload jsonb, body bytea, names text[]) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN payload IS NULL THEN to_jsonb(format('%s bytes, see k2bridge.inbox', octet_length(body)))
                WHEN names IS NULL OR coalesce(jsonb_array_length(k2.batch_items(payload)), 0) <= 1 THEN payload
                ELSE (SELECT jsonb_agg(i.item) FROM jsonb_array_elements(k2.batch_items(payload)) AS i (item)
                       WHERE EXISTS (SELECT FROM jsonb_each_text(CASE jsonb_typeof(i.item) WHEN 'object' THEN i.item ELSE '{}' END) f
                                      WHERE f.value = ANY (names))) END
$$;
COMMENT ON FUNCTION k2bridge.trace_payload(jsonb, bytea, text[]) IS 'Of a batch only the items that hold one of the names.';

CREATE FUNCTION k2bridge.trace_inbound(scope k2bridge.trace_scope) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT i.received_at, 'in', i.client::text, i.service, concat_ws('/', i.http_status, i.reply ->> 'error_code'),
           jsonb_build_object('payload', k2bridge.trace_payload(i.payload, i.body, scope.names || scope.iins),
                              'reply', i.reply, 'from', i.remote_addr, 'correlation', i.correlation)::text, i.id
      FROM (SELECT n.* FROM k2bridge.inbox n WHERE n.correlation = ANY (scope.stories)
            UNION ALL
            SELECT n.* FROM k2bridge.inbox n
             WHERE left(coalesce(n.payload ->> 'reference', n.payload ->> 'refer', n.payload ->> 'iin', n.payload ->> 'dbz_num'), 64)
                   = ANY (scope.names)
               AND coalesce(n.payload ->> 'reference', n.payload ->> 'refer', n.payload ->> 'iin', n.payload ->> 'dbz_num') IS NOT NULL
               AND n.correlation <> ALL (scope.stories)) i;
    RETURN QUERY
    SELECT r.rejected_at, 'in', NULL, r.service, 'refused ' || r.error_code,
           jsonb_build_object('item', r.item, 'error_text', r.error_text, 'settled_at', r.settled_at)::text, r.id
      FROM (SELECT j.* FROM unnest(scope.names) AS n (name)
             CROSS JOIN unnest('{refer,contract_number,dbz_contract_number,iinbin,iin}'::text[]) AS f (name)
              JOIN k2bridge.rejected_item j ON j.item @> jsonb_build_object(f.name, n.name)
            UNION
            SELECT j.* FROM k2bridge.rejected_item j WHERE j.correlation = scope.story) r;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_inbound(k2bridge.trace_scope) IS 'Part of k2bridge.trace: requests that came in, and refused items of batches.';

CREATE FUNCTION k2bridge.trace_as_owner(key text) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
DECLARE
    scope k2bridge.trace_scope := k2bridge.trace_find(trim(key));
    subjects text[] := k2bridge.trace_subjects(scope);
    calls bigint[];
    found k2bridge.trace_row[];
BEGIN
    IF trim(key) = '' THEN
        RETURN;
    END IF;
    subjects := subjects || ARRAY(SELECT 'verify:' || o.id FROM k2bridge.outbox o WHERE o.subject = ANY (subjects));
    SELECT array_agg(c), array_agg(DISTINCT (c).id) INTO found, calls FROM k2bridge.trace_calls(scope, subjects) c;
    RETURN QUERY
    SELECT t.* FROM (
        SELECT f.* FROM unnest(found) f
        UNION ALL SELECT i.* FROM k2bridge.trace_inbound(scope) i
        UNION ALL SELECT s.* FROM k2bridge.trace_statuses(scope) s
        UNION ALL SELECT r.* FROM autoclient.trace_rows(scope) r
        UNION ALL SELECT c.* FROM k2bridge.trace_changes(scope, calls) c) t
     ORDER BY t.at, array_position('{in,change,person,status,out,reply}', t.direction), t.id;
END
$$;
COMMENT ON FUNCTION k2bridge.trace_as_owner(text) IS 'Behind the door k2bridge.trace.';

CREATE FUNCTION k2bridge.trace(key text) RETURNS SETOF k2bridge.trace_row
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.trace(text) IS
'The whole story of a ПТ, a contract, an IIN, a payment (trn_id; client_ref, payment_ref or payment_pack_ref of Autoclient) or a correlation in order: what came in, rows changed, statuses, calls, replies, what persons did. detail is JSON.';
