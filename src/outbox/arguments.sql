-- What builders, wrappers and handlers of every room share. In the queue, args are the fields of the wire plus "about":
-- what the handler must know and the bank must not be told ({"iinbin": "…", "about": {"loan_id": 17}}).

CREATE FUNCTION k2bridge.wire_args(args jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT args - 'about' $$;
COMMENT ON FUNCTION k2bridge.wire_args(jsonb) IS 'Builder: the arguments that travel, without "about".';

CREATE FUNCTION k2bridge.windows_1251_misfit(args jsonb) RETURNS text[]
    LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'k2bridge_windows_1251_misfit';
COMMENT ON FUNCTION k2bridge.windows_1251_misfit(jsonb) IS
'The first text, at any depth, with a character that windows-1251 lacks: its path and that character; null when there is none.';

CREATE FUNCTION k2bridge.need_argument(name text, value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value IS NULL OR btrim(value) = '' THEN
        RAISE EXCEPTION '% must not be null or empty', name USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Give the argument %s a value.', name);
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION k2bridge.need_argument(text, text) IS 'The value of a required argument; raises 22023 naming it.';

CREATE FUNCTION k2bridge.list_field(item jsonb, field text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(item -> field) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'field "%" of the reply is no array', field USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN item -> field;
END
$$;
COMMENT ON FUNCTION k2bridge.list_field(jsonb, text) IS 'A required array of a reply; raises 22023 naming the field.';
