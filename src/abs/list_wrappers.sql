-- Direct calls for the list of payment requests in the ABS (O10), and the functions that the schedule runs.

CREATE FUNCTION abs.list_args(page integer, perpage integer, ben_bin text, doc_at1 date, doc_at2 date, iinbin text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(page, 0) < 1 THEN
        RAISE EXCEPTION 'page must be 1 or more' USING ERRCODE = 'invalid_parameter_value', HINT = 'Pages are counted from 1.';
    ELSIF coalesce(perpage, 0) NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'perpage must be between 1 and 10000' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'perpage is the number of rows of a page.';
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object('page', page, 'perpage', perpage::text, 'ben_bin', ben_bin,
                                                'doc_at1', doc_at1, 'doc_at2', doc_at2, 'iinbin', iinbin));
END
$$;
COMMENT ON FUNCTION abs.list_args(integer, integer, text, date, date, text) IS
'The body of O10: page a number and perpage a string, as documented; filters that are null are left out.';

CREATE FUNCTION abs.listed(items jsonb) RETURNS SETOF abs.payment_request_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.refer, p.accept_dt, p.doc_num, p.doc_at, p.iinbin, p.acc_fullname, p.ben_fullname, p.ben_bin, p.ben_iban,
           p.ben_kbe, p.amount, p.cur, p.knp, p.dbz_num, p.dbz_dt, p.purpose, p.head, p.account, p.seen_at
      FROM (SELECT e.item ->> 'refer' AS refer, min(e.position) AS position
              FROM jsonb_array_elements(items) WITH ORDINALITY AS e (item, position) GROUP BY 1) i
      JOIN abs.payment_request p ON p.refer = i.refer
     ORDER BY i.position
$$;
COMMENT ON FUNCTION abs.listed(jsonb) IS 'The stored rows of a page, in its order.';

CREATE FUNCTION abs.get_all_pt(page integer DEFAULT 1, perpage integer DEFAULT 25, ben_bin text DEFAULT NULL,
                               doc_at1 date DEFAULT NULL, doc_at2 date DEFAULT NULL, iinbin text DEFAULT NULL,
                               server name DEFAULT NULL) RETURNS SETOF abs.payment_request_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.get_all_pt(integer, integer, text, date, date, text, name) IS
'One page of the list of payment requests in the ABS (O10), stored and returned.';

CREATE FUNCTION abs.get_all_pt_as_owner(page integer, perpage integer, ben_bin text, doc_at1 date, doc_at2 date, iinbin text,
                                        server name) RETURNS SETOF abs.payment_request_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    answer k2bridge.call_row;
BEGIN
    answer := k2bridge.invoke('abs.get_all_pt', abs.list_args($1, $2, $3, $4, $5, $6), $7);
    RETURN QUERY SELECT l.* FROM abs.listed(abs.list_field(answer.reply, 'items')) l;
END
$$;
COMMENT ON FUNCTION abs.get_all_pt_as_owner(integer, integer, text, date, date, text, name) IS 'Behind abs.get_all_pt.';

CREATE FUNCTION abs.all_pt(ben_bin text DEFAULT NULL, doc_at1 date DEFAULT NULL, doc_at2 date DEFAULT NULL,
                           iinbin text DEFAULT NULL, perpage integer DEFAULT 25, server name DEFAULT NULL)
    RETURNS SETOF abs.payment_request_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.all_pt(text, date, date, text, integer, name) IS
'All pages of the list of payment requests in the ABS (O10), until an empty or short one, stored and returned.';

CREATE FUNCTION abs.all_pt_as_owner(ben_bin text, doc_at1 date, doc_at2 date, iinbin text, perpage integer, server name)
    RETURNS SETOF abs.payment_request_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    answer k2bridge.call_row;
    args jsonb := abs.list_args(1, $5, $1, $2, $3, $4);
    page integer := 1;
    items jsonb;
    former text;
BEGIN
    LOOP
        answer := k2bridge.invoke('abs.get_all_pt', args || jsonb_build_object('page', page), $6);
        items := abs.list_field(answer.reply, 'items');
        IF abs.refers_of(items) = former THEN
            RAISE EXCEPTION 'page % of the list repeats the page before it', page USING ERRCODE = 'invalid_parameter_value',
                DETAIL = 'The bank seems to ignore the page number.';
        END IF;
        RETURN QUERY SELECT l.* FROM abs.listed(items) l;
        EXIT WHEN jsonb_array_length(items) < $5;
        former := abs.refers_of(items);
        page := page + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION abs.all_pt_as_owner(text, date, date, text, integer, name) IS 'Behind abs.all_pt.';

CREATE FUNCTION abs.reconcile(days integer DEFAULT 14, perpage integer DEFAULT 25, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.reconcile(integer, integer, name) IS
'Queues a walk through the ABS''s list of the payment requests of the last days into abs.payment_request; returns the id of its first call, or of the one under way.';

CREATE FUNCTION abs.reconcile_as_owner(days integer, perpage integer, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    walk text := concat_ws(':', 'abs:reconcile', $3);
    under_way bigint;
BEGIN
    IF coalesce($1, -1) NOT BETWEEN 0 AND 3660 THEN
        RAISE EXCEPTION 'days must be between 0 and 3660' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'days counts back from today, by the date of the document.';
    END IF;
    SELECT min(o.id) INTO under_way FROM k2bridge.outbox o WHERE o.subject = walk;
    RETURN coalesce(under_way,
                    k2bridge.enqueue('abs.get_all_pt',
                                     abs.list_args(1, $2, NULL, k2.today() - $1, k2.today(), NULL) || '{"about": {"walk": true}}',
                                     walk, $3));
END
$$;
COMMENT ON FUNCTION abs.reconcile_as_owner(integer, integer, name) IS 'Behind abs.reconcile.';

CREATE FUNCTION abs.refresh_all_debts() RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION abs.refresh_all_debts() IS
'Queues O8 or O9 for every loan whose debt was not confirmed today and is not being asked for; returns how many.';

CREATE FUNCTION abs.refresh_all_debts_as_owner() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    midnight timestamptz := k2.today()::timestamp AT TIME ZONE current_setting('k2bridge.timezone');
    batch bigint[];
    last bigint := 0;
    queued bigint := 0;
BEGIN
    LOOP
        SELECT array_agg(n.id) INTO batch
          FROM (SELECT l.id FROM k2.loan l
                 WHERE l.id > last AND (l.synced_at IS NULL OR l.synced_at < midnight)
                   AND NOT EXISTS (SELECT FROM k2bridge.outbox o WHERE o.subject = 'loan:' || l.id || ':debt')
                 ORDER BY l.id LIMIT 10000) n;
        EXIT WHEN batch IS NULL;
        queued := queued + abs.queue_loan_calls(batch, array_fill('debt'::text, ARRAY[cardinality(batch)]));
        last := batch[cardinality(batch)];
    END LOOP;
    RETURN queued;
END
$$;
COMMENT ON FUNCTION abs.refresh_all_debts_as_owner() IS 'Behind abs.refresh_all_debts.';
