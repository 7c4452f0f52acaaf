-- What became of a registration whose outcome is unknown: the list of the ABS (O10) is searched for the same refer,
-- amount and currency, page after page of the document's date and debtor.

CREATE FUNCTION abs.verify_reg_pt(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue_verification(call, 'abs.verify_pt',
               jsonb_strip_nulls(jsonb_build_object(
                   'page', 1, 'perpage', '25', 'iinbin', call.args -> 'iinbin', 'doc_at1', call.args -> 'doc_at',
                   'doc_at2', call.args -> 'doc_at',
                   'about', jsonb_build_object('call_id', call.id, 'refer', call.args -> 'refer',
                                               'amount', call.args -> 'amount', 'cur', call.args -> 'cur'))))
$$;
COMMENT ON FUNCTION abs.verify_reg_pt(k2bridge.call_row) IS
'Verification of abs.reg_pt: queues the search for the payment request in the list of the ABS.';

CREATE FUNCTION abs.verify_pt_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    about jsonb := call.args -> 'about';
    asked bigint := (call.args #>> '{about,call_id}')::bigint;
    items jsonb;
    found jsonb;
    same boolean;
BEGIN
    IF call.outcome <> 'ok' THEN
        PERFORM k2bridge.note_unverified(asked, call);
        RETURN;
    END IF;
    items := abs.list_field(call.reply, 'items');
    SELECT i.item INTO found FROM jsonb_array_elements(items) AS i (item) WHERE i.item -> 'refer' = about -> 'refer' LIMIT 1;
    IF found IS NOT NULL THEN
        same := abs.amount_field(found, 'amount') = abs.amount_field(about, 'amount')
                AND found ->> 'cur' IS NOT DISTINCT FROM about ->> 'cur';
        PERFORM k2bridge.settle_uncertain(asked, same, jsonb_build_object(
            'searched', CASE WHEN same THEN 'found' ELSE 'found different' END, 'item', found));
    ELSIF abs.page_is_full(call) THEN
        PERFORM abs.queue_next_page(call, items);
    ELSE
        PERFORM k2bridge.settle_uncertain(asked, false, jsonb_build_object('searched', 'absent', 'pages', call.args -> 'page'));
    END IF;
END
$$;
COMMENT ON FUNCTION abs.verify_pt_done(k2bridge.call_row) IS
'Handler of abs.verify_pt: settles the uncertain registration when the bank lists the same payment request, else keeps what was found.';
