-- The part of k2bridge.trace about payments: which payments a key names, the rows of the statements that booked them, and
-- the outgoing ПТ that these name.

CREATE FUNCTION autoclient.trace_payments(key text, story uuid) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- The indexes of the references begin with the server.
    servers name[] := ARRAY(SELECT d.server FROM autoclient.server_day d UNION SELECT f.srvname FROM pg_foreign_server f);
BEGIN
    RETURN ARRAY(
        SELECT p.id FROM autoclient.payment p WHERE p.client_ref = key
        UNION
        SELECT p.id FROM autoclient.payment p WHERE p.server = ANY (servers) AND p.payment_ref = key
        UNION
        SELECT p.id FROM autoclient.payment p WHERE p.server = ANY (servers) AND p.payment_pack_ref = key
        UNION
        SELECT a.key::bigint FROM k2bridge.audit a
         WHERE a.correlation = story AND a.object = 'autoclient.payment' AND a.action = 'insert');
END
$$;
COMMENT ON FUNCTION autoclient.trace_payments(text, uuid) IS
'The payments that a key names: client_ref, payment_ref or payment_pack_ref (DLR of the statement); or those that a correlation made.';

CREATE FUNCTION autoclient.trace_codes(payments bigint[]) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT DISTINCT l.code
                   FROM unnest($1) AS w (id) JOIN autoclient.payment p USING (id)
                   JOIN autoclient.extreq_link l USING (server, acc, trantype, ref, refn))
$$;
COMMENT ON FUNCTION autoclient.trace_codes(bigint[]) IS 'The outgoing ПТ named in the purpose of the rows that booked payments.';

CREATE FUNCTION autoclient.trace_paid_for(codes text[]) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT DISTINCT p.id
                   FROM unnest($1) AS w (code) JOIN autoclient.extreq_link l USING (code)
                   JOIN autoclient.transaction t USING (server, acc, trantype, ref, refn)
                   JOIN autoclient.payment p ON p.server = t.server AND p.payment_pack_ref = t.dlr)
$$;
COMMENT ON FUNCTION autoclient.trace_paid_for(text[]) IS 'The payments made here whose statement row names one of the outgoing ПТ.';

CREATE FUNCTION autoclient.trace_rows(scope k2bridge.trace_scope) RETURNS SETOF k2bridge.trace_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT t.first_seen, 'status', t.server::text, format('autoclient.transaction %s/%s', t.ref, t.refn),
           CASE WHEN t.vanished THEN 'vanished' WHEN autoclient.is_booked(t.pr_pr, t.fl_real) THEN 'booked' ELSE 'shown' END,
           jsonb_strip_nulls(jsonb_build_object('acc', t.acc, 'trantype', t.trantype, 'dat_od', t.dat_od, 'sum', t.sum, 'ccy', t.ccy,
               'osnd', t.osnd, 'dlr', t.dlr, 'is_final', t.is_final, 'payment', max(r.payment),
               'extreq', (SELECT jsonb_agg(l.code ORDER BY l.code) FROM autoclient.extreq_link l
                           WHERE l.server = t.server AND l.acc = t.acc AND l.trantype = t.trantype AND l.ref = t.ref AND l.refn = t.refn)))::text,
           max(r.payment)
      FROM (SELECT p.server, p.acc, p.trantype, p.ref, p.refn, p.id AS payment
              FROM unnest(scope.payments) AS w (id) JOIN autoclient.payment p USING (id)
            UNION
            SELECT l.server, l.acc, l.trantype, l.ref, l.refn, NULL
              FROM unnest(scope.codes) AS w (code) JOIN autoclient.extreq_link l USING (code)) r
      JOIN autoclient.transaction t USING (server, acc, trantype, ref, refn)
     GROUP BY t.server, t.acc, t.trantype, t.ref, t.refn;
END
$$;
COMMENT ON FUNCTION autoclient.trace_rows(k2bridge.trace_scope) IS
'Part of k2bridge.trace: the rows of the statements that booked payments or name outgoing ПТ.';
