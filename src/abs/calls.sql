-- What all calls of this room share. In the queue, args are the fields of the wire plus "about": what the handler
-- must know and the bank must not be told ({"iinbin": "…", "about": {"loan_id": 17}}).

CREATE FUNCTION abs.wire_args(args jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT args - 'about' $$;
COMMENT ON FUNCTION abs.wire_args(jsonb) IS 'Builder: the arguments that travel, without "about".';

CREATE FUNCTION abs.answered_at(call k2bridge.call_row) RETURNS timestamptz
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(call.finished_at, clock_timestamp());
END
$$;
COMMENT ON FUNCTION abs.answered_at(k2bridge.call_row) IS
'When a call was answered. Handlers never overwrite what was answered later with what was answered earlier.';

CREATE FUNCTION abs.need_argument(name text, value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value IS NULL OR btrim(value) = '' THEN
        RAISE EXCEPTION '% must not be null or empty', name USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Give the argument %s a value.', name);
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION abs.need_argument(text, text) IS 'The value of a required argument; raises 22023 naming it.';

CREATE FUNCTION abs.need_iinbin(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value IS NULL OR value !~ '^\d{12}$' THEN
        RAISE EXCEPTION 'iinbin must have 12 digits' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the IIN of a person or the BIN of a company.';
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION abs.need_iinbin(text) IS 'The IIN or BIN given as argument; raises 22023.';
