-- What all calls of this room share. Dates travel as DD-MM-YYYY and come back dotted (wire/autoclient.md section 1.6).

CREATE FUNCTION autoclient.wire_date(day date) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT to_char(day, 'DD-MM-YYYY') $$;
COMMENT ON FUNCTION autoclient.wire_date(date) IS 'A date as the statement and rate calls want it.';

CREATE FUNCTION autoclient.server_option(server name, option text) RETURNS text
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'k2bridge_server_option';
COMMENT ON FUNCTION autoclient.server_option(name, text) IS 'An option of a server, null when it is not set.';

CREATE FUNCTION autoclient.zone(server name) RETURNS text
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_bank_zone';
COMMENT ON FUNCTION autoclient.zone(name) IS 'Time zone of the bank''s wall times: the server''s option, else Kyiv.';

CREATE FUNCTION autoclient.default_server(server name) RETURNS name
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found name[] := k2bridge.servers_for('autoclient.settings');
BEGIN
    IF $1 IS NOT NULL THEN
        IF $1 <> ALL (found) THEN
            RAISE EXCEPTION 'server "%" is not of type autoclient or has no base_url', $1 USING ERRCODE = 'undefined_object',
                HINT = format('SELECT autoclient.add_company(%L, ''/path/of/the.token'');', $1);
        END IF;
        RETURN $1;
    ELSIF cardinality(found) = 1 THEN
        RETURN found[1];
    END IF;
    RAISE EXCEPTION '% servers of type autoclient have a base_url', cardinality(found) USING ERRCODE = 'invalid_parameter_value',
        HINT = CASE WHEN cardinality(found) = 0 THEN 'SELECT autoclient.add_company(server, token_file);'
                    ELSE format('Pass one of %s as argument "server".', array_to_string(found, ', ')) END;
END
$$;
COMMENT ON FUNCTION autoclient.default_server(name) IS 'The server named, or the only one there is; raises naming the choice.';

CREATE FUNCTION autoclient.amount(value numeric, field text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value <> round(value, 2) OR abs(value) >= 1e18 THEN
        RAISE EXCEPTION 'field "%" of the reply is no amount: "%"', field, left(value::text, 50) USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'An amount has at most 18 digits before and 2 after the point.';
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION autoclient.amount(numeric, text) IS 'An amount that numeric(20,2) holds exactly; raises naming the field.';

CREATE FUNCTION autoclient.next_page(reply jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- exist_next_page decides, nothing else: on a last page next_page_id may be left over (section 2.4).
    IF reply -> 'exist_next_page' IS DISTINCT FROM 'true' THEN
        RETURN NULL;
    ELSIF coalesce(reply ->> 'next_page_id', '') = '' THEN
        RAISE EXCEPTION 'the reply says that another page exists but not which' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'exist_next_page is true, next_page_id is empty.';
    END IF;
    RETURN reply ->> 'next_page_id';
END
$$;
COMMENT ON FUNCTION autoclient.next_page(jsonb) IS 'What to ask for next, null on the last page.';

CREATE FUNCTION autoclient.queue_next_page(call k2bridge.call_row) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page text := autoclient.next_page(call.reply);
BEGIN
    IF page IS NULL THEN
        RETURN false;
    ELSIF page = call.args ->> 'followId' THEN
        RAISE EXCEPTION 'the bank names page "%" as the one after itself', left(page, 60) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM k2bridge.enqueue(call.endpoint, call.args || jsonb_build_object('followId', page), call.subject, call.server);
    RETURN true;
END
$$;
COMMENT ON FUNCTION autoclient.queue_next_page(k2bridge.call_row) IS
'Queues the page that follows, in the transaction that stores the one at hand; false on the last page.';
