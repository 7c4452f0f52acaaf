-- The list of payment requests in the ABS (O10): storing a page, walking the pages. A walk ends at an empty or short
-- page, never by all_count, whose meaning is unclear (wire/k2.md D31); a bank that repeats a page ends it with an error.

CREATE FUNCTION abs.store_payment_requests(items jsonb, at timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO abs.payment_request AS known (refer, accept_dt, doc_num, doc_at, iinbin, acc_fullname, ben_fullname, ben_bin,
        ben_iban, ben_kbe, amount, cur, knp, dbz_num, dbz_dt, purpose, head, account, seen_at)
    SELECT i.refer, abs.date_field(i.item, 'accept_dt'), i.item ->> 'doc_num', abs.date_field(i.item, 'doc_at'),
           i.item ->> 'iinbin', i.item ->> 'acc_fullname', i.item ->> 'ben_fullname', i.item ->> 'ben_bin',
           i.item ->> 'ben_iban', i.item ->> 'ben_kbe', abs.amount_field(i.item, 'amount'), i.item ->> 'cur',
           i.item ->> 'knp', i.item ->> 'dbz_num', abs.date_field(i.item, 'dbz_dt'), i.item ->> 'purpose',
           i.item ->> 'head', i.item ->> 'account', at
      FROM (SELECT DISTINCT ON (abs.field(e.item, 'refer')) abs.field(e.item, 'refer') AS refer, e.item
              FROM jsonb_array_elements(items) WITH ORDINALITY AS e (item, position)
             ORDER BY 1, e.position DESC) i
     ORDER BY i.refer
        ON CONFLICT (refer) DO UPDATE
       SET accept_dt = excluded.accept_dt, doc_num = excluded.doc_num, doc_at = excluded.doc_at, iinbin = excluded.iinbin,
           acc_fullname = excluded.acc_fullname, ben_fullname = excluded.ben_fullname, ben_bin = excluded.ben_bin,
           ben_iban = excluded.ben_iban, ben_kbe = excluded.ben_kbe, amount = excluded.amount, cur = excluded.cur,
           knp = excluded.knp, dbz_num = excluded.dbz_num, dbz_dt = excluded.dbz_dt, purpose = excluded.purpose,
           head = excluded.head, account = excluded.account, seen_at = excluded.seen_at
     WHERE known.seen_at <= excluded.seen_at;
END
$$;
COMMENT ON FUNCTION abs.store_payment_requests(jsonb, timestamptz) IS 'Stores the items of a page; of a refer listed twice the last counts.';

CREATE FUNCTION abs.page_is_full(call k2bridge.call_row) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_array_length(abs.list_field(call.reply, 'items')) >= (call.args ->> 'perpage')::integer
$$;
COMMENT ON FUNCTION abs.page_is_full(k2bridge.call_row) IS 'Whether a page of O10 has as many items as were asked for, so that another may follow.';

CREATE FUNCTION abs.refers_of(items jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT md5(string_agg(e.item ->> 'refer', E'\n' ORDER BY e.position))
      FROM jsonb_array_elements(items) WITH ORDINALITY AS e (item, position)
$$;
COMMENT ON FUNCTION abs.refers_of(jsonb) IS 'What a page lists, short enough to compare it with the next one.';

CREATE FUNCTION abs.queue_next_page(call k2bridge.call_row, items jsonb) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page integer := (call.args ->> 'page')::integer;
    listed text := abs.refers_of(items);
BEGIN
    IF listed = call.args #>> '{about,listed}' THEN
        RAISE EXCEPTION 'page % of the list repeats the page before it', page USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The bank seems to ignore the page number.';
    END IF;
    RETURN k2bridge.enqueue(call.endpoint, jsonb_set(call.args, '{page}', to_jsonb(page + 1))
                                           || jsonb_build_object('about', call.args -> 'about' || jsonb_build_object('listed', listed)),
                            call.subject, call.server);
END
$$;
COMMENT ON FUNCTION abs.queue_next_page(k2bridge.call_row, jsonb) IS 'Queues the page of O10 that follows a full one.';

CREATE FUNCTION abs.list_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    items jsonb;
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    items := abs.list_field(call.reply, 'items');
    PERFORM abs.store_payment_requests(items, abs.answered_at(call));
    IF call.args -> 'about' ? 'walk' AND abs.page_is_full(call) THEN
        PERFORM abs.queue_next_page(call, items);
    END IF;
END
$$;
COMMENT ON FUNCTION abs.list_done(k2bridge.call_row) IS
'Handler of abs.get_all_pt (O10): stores the page and, in a walk, queues the next one.';
