-- Reading the fields of a reply: amounts exact, dates in the forms of wire/k2.md section 5 (D7, D22), a missing or
-- malformed field named in the error. An error leaves the call `answered`, with its reply kept.

CREATE FUNCTION abs.field(item jsonb, field text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF item ->> field IS NULL THEN
        RAISE EXCEPTION 'field "%" is missing in the reply', field USING ERRCODE = 'null_value_not_allowed',
            DETAIL = format('The item is: %s', left(coalesce(item::text, 'null'), 200));
    END IF;
    RETURN item ->> field;
END
$$;
COMMENT ON FUNCTION abs.field(jsonb, text) IS 'The text of a required field of a reply; raises 22004 naming the field.';

CREATE FUNCTION abs.list_field(item jsonb, field text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM abs.field(item, field);
    -- Empty objects stand for "more of the same" in the bank's documents (D6).
    RETURN (SELECT coalesce(jsonb_agg(e.item ORDER BY e.position), '[]')
              FROM jsonb_array_elements(k2bridge.list_field(item, field)) WITH ORDINALITY AS e (item, position) WHERE e.item <> '{}');
END
$$;
COMMENT ON FUNCTION abs.list_field(jsonb, text) IS 'A required array of a reply without empty objects; raises naming the field.';

CREATE FUNCTION abs.amount_field(item jsonb, field text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written text := abs.field(item, field);
BEGIN
    IF written !~ '^\s*[-+]?\d+(\.\d+)?\s*$' OR scale(trim_scale(written::numeric)) > 2 OR abs(written::numeric) >= 1e18 THEN
        RAISE EXCEPTION 'field "%" of the reply is no amount: "%"', field, left(written, 50)
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'An amount has at most 18 digits before and 2 after the point.';
    END IF;
    RETURN written::numeric(20,2);
END
$$;
COMMENT ON FUNCTION abs.amount_field(jsonb, text) IS 'A required amount of a reply, number or numeric string, exact; raises naming the field.';

CREATE FUNCTION abs.integer_field(item jsonb, field text) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF item ->> field !~ '^\s*[-+]?\d{1,9}\s*$' THEN
        RAISE EXCEPTION 'field "%" of the reply is no whole number: "%"', field, left(item ->> field, 50)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN (item ->> field)::integer;
END
$$;
COMMENT ON FUNCTION abs.integer_field(jsonb, text) IS 'A whole number of a reply, null when absent; raises naming the field.';

CREATE FUNCTION abs.date_field(item jsonb, field text) RETURNS date
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written text := item ->> field;
    part text[];
    month date;
    day integer;
BEGIN
    IF written IS NULL OR btrim(written) = '' THEN
        RETURN NULL;
    END IF;
    part := regexp_match(written, '^\s*(\d{4})[-.](0[1-9]|1[0-2])[-.](\d\d)(?:[T ].*)?$');
    IF part IS NULL THEN
        part := regexp_match(written, '^\s*(\d\d)\.(0[1-9]|1[0-2])\.(\d{4})(?:[T ].*)?$');
        part := ARRAY[part[3], part[2], part[1]];
    END IF;
    IF part[1] > '0000' THEN
        month := make_date(part[1]::integer, part[2]::integer, 1);
        day := part[3]::integer;
    END IF;
    -- Without an exception block, which would be a subtransaction for each date.
    IF day IS NULL OR day < 1 OR month + (day - 1) >= month + interval '1 month' THEN
        RAISE EXCEPTION 'field "%" of the reply is no date: "%"', field, left(written, 50)
            USING ERRCODE = 'invalid_datetime_format', HINT = 'Dates are YYYY-MM-DD, YYYY.MM.DD or DD.MM.YYYY.';
    END IF;
    RETURN month + (day - 1);
END
$$;
COMMENT ON FUNCTION abs.date_field(jsonb, text) IS 'A date of a reply, ISO or dotted, an optional time cut off, null when absent; raises naming the field.';
