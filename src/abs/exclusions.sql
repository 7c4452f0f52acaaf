-- The push of the general exclusion list to ЕКО (O11), which replaces the bank's whole list, and its guard: the first
-- push ever, an empty list and one shorter than the last accepted by more than 10 % and 20 rows wait for a person.

CREATE FUNCTION abs.exclusions_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows) THEN
        PERFORM k2bridge.enqueue('abs.post_all_loan_exclude_to_eko', '{}', 'exclusions');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION abs.exclusions_changed() IS
'Trigger of k2.exclusion: queues a full push. Pushes that wait together are sent as one.';

CREATE FUNCTION abs.push_is_safe(rows bigint, baseline bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN baseline IS NULL THEN false
                WHEN rows = 0 THEN baseline = 0
                ELSE NOT (baseline - rows > 20 AND (baseline - rows) * 10 > baseline) END
$$;
COMMENT ON FUNCTION abs.push_is_safe(bigint, bigint) IS
'Whether a list of so many rows may follow the one last accepted or confirmed (null: there was none).';

CREATE FUNCTION abs.exclusion_list(args jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    body jsonb;
    rows bigint;
    baseline bigint;
BEGIN
    SELECT jsonb_build_object('items', coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'id', e.id::text, 'iin', e.iin, 'bank', e.bank, 'iban', e.iban,
               'for_bank', e.for_bank::integer::text, 'for_extreq', e.for_extreq::integer::text,
               'for_iban', e.for_iban::integer::text, 'for_refuse', e.for_refuse::integer::text,
               'finish_dt', e.finish_dt, 'is_active', e.is_active::integer::text)) ORDER BY e.id), '[]')), count(*)
      INTO body, rows
      FROM k2.exclusion e;
    SELECT coalesce(p.confirmed_count, p.accepted_count) INTO baseline FROM abs.exclusion_push p;
    IF NOT abs.push_is_safe(rows, baseline) THEN
        RAISE EXCEPTION 'the push of the exclusion list waits for confirmation' USING ERRCODE = 'KB005',
            DETAIL = format(CASE WHEN baseline IS NULL THEN 'The list has %s rows and is the first one.'
                                 ELSE 'The list has %s rows, the last accepted or confirmed one had %s.' END, rows, baseline),
            HINT = 'SELECT abs.push_exclusions(confirm => true);';
    END IF;
    RETURN body;
END
$$;
COMMENT ON FUNCTION abs.exclusion_list(jsonb) IS
'Builder of O11: the whole list as it is when it is sent. Raises KB005, which holds the push, until abs.push_exclusions(confirm => true) where the guard asks for it.';

CREATE FUNCTION abs.exclusions_done(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rows bigint;
BEGIN
    IF call.outcome <> 'ok' THEN
        RETURN;
    END IF;
    -- Rows are never deleted, so that the list that was sent was hardly shorter than this one. Should the list have
    -- shrunk beyond the guard since, the former length stays the measure for the next push.
    SELECT count(*) INTO rows FROM k2.exclusion;
    UPDATE abs.exclusion_push p
       SET accepted_count = CASE WHEN abs.push_is_safe(rows, coalesce(p.confirmed_count, p.accepted_count)) THEN rows
                                 ELSE coalesce(p.confirmed_count, p.accepted_count) END,
           accepted_at = abs.answered_at(call), confirmed_count = NULL;
END
$$;
COMMENT ON FUNCTION abs.exclusions_done(k2bridge.call_row) IS 'Handler of O11: remembers how long the accepted list was.';
