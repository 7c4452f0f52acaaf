-- What all calls of this room share: when a call was answered, which codes of clients may travel. The arguments themselves
-- are read by outbox/arguments.sql.

CREATE FUNCTION abs.answered_at(call k2bridge.call_row) RETURNS timestamptz
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(call.finished_at, clock_timestamp());
END
$$;
COMMENT ON FUNCTION abs.answered_at(k2bridge.call_row) IS
'When a call was answered. Handlers never overwrite what was answered later with what was answered earlier.';

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
