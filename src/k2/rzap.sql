-- RZAP and files: service I7 and the function that attaches a scan to a line of an RZAP (wire document, I7, D23).

CREATE TYPE k2.file_row AS (
    id         bigint,
    code       text,
    name       text,
    mime       text,
    content    bytea,
    created_at timestamptz
);
COMMENT ON TYPE k2.file_row IS 'A file as functions return it: the columns of k2.file.';

CREATE FUNCTION k2.mime_of(content bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN substr($1, 1, 4) = '\x25504446' THEN 'application/pdf'
                WHEN substr($1, 1, 4) IN ('\x49492a00', '\x4d4d002a') THEN 'image/tiff'
                ELSE 'application/octet-stream' END
$$;
COMMENT ON FUNCTION k2.mime_of(bytea) IS 'Content-Type of a scan by its first bytes: PDF, TIFF or unknown.';

CREATE FUNCTION k2.public_url() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT rtrim(coalesce(nullif(current_setting('k2bridge.public_url'), ''),
                          'http://127.0.0.1' || coalesce(':' || nullif(current_setting('k2bridge.listen_port'), '0'), '')), '/')
$$;
COMMENT ON FUNCTION k2.public_url() IS
'Start of the file addresses given to others: k2bridge.public_url, or this machine and the port of the listener.';

CREATE FUNCTION k2.file_url(code text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.public_url() || '/restapi/getfile?code=' || $1 || '&attachment=true'
$$;
COMMENT ON FUNCTION k2.file_url(text) IS 'Address under which a file is downloaded.';

CREATE FUNCTION k2.k2inforeq_rzap_by_refer(payload jsonb) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2inforeq_rzap_by_refer(jsonb) IS
'Service I7: the lines of an RZAP and, where they arrived, the scans. Payload: {"refer": …}.';

CREATE FUNCTION k2.k2inforeq_rzap_by_refer_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problem jsonb := k2.missing_text(payload, '{refer}');
    wanted text := payload ->> 'refer';
BEGIN
    IF problem IS NOT NULL THEN
        RETURN problem;
    END IF;
    IF NOT EXISTS (SELECT FROM k2.rzap r WHERE r.refer = wanted) THEN
        RETURN k2.refusal(404, format('RZAP %s не найден', wanted));
    END IF;
    RETURN k2.success() || jsonb_build_object('items', coalesce(
        (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                    'dbz_dt', to_char(i.dbz_dt, 'YYYY-MM-DD HH24:MI:SS'),
                    'dbz_num', i.dbz_num,
                    'iin', i.iin,
                    'file_id', f.id::text,
                    'url', k2.file_url(f.code))) ORDER BY i.id)
           FROM k2.rzap_item i LEFT JOIN k2.file f ON f.id = i.file_id
          WHERE i.refer = wanted), '[]'));
END
$$;
COMMENT ON FUNCTION k2.k2inforeq_rzap_by_refer_as_owner(jsonb) IS 'Behind k2.k2inforeq_rzap_by_refer.';

CREATE FUNCTION k2.attach_file(refer text, iin text, dbz_num text, name text, mime text, content bytea,
                               dbz_dt date DEFAULT NULL) RETURNS k2.file_row
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.attach_file(text, text, text, text, text, bytea, date) IS
'Stores a scan and attaches it to the line of an RZAP; a later scan of the same line takes its place. A null mime is found from the bytes.';

CREATE FUNCTION k2.attach_file_as_owner(refer text, iin text, dbz_num text, name text, mime text, content bytea, dbz_dt date)
    RETURNS k2.file_row
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    lines bigint[];
    stored k2.file_row;
BEGIN
    IF content IS NULL OR coalesce(name, '') = '' THEN
        RAISE EXCEPTION 'name and content of a file must be given' USING ERRCODE = '22023';
    END IF;
    SELECT array_agg(i.id) INTO lines
      FROM k2.rzap_item i
     WHERE i.refer = $1 AND i.iin = $2 AND i.dbz_num = $3 AND ($7 IS NULL OR i.dbz_dt = $7);
    IF lines IS NULL THEN
        RAISE EXCEPTION 'RZAP "%" has no line for IIN % and contract "%"', $1, $2, $3
            USING ERRCODE = 'no_data_found', HINT = 'The lines are in k2.rzap_item.';
    ELSIF cardinality(lines) > 1 THEN
        RAISE EXCEPTION 'RZAP "%" has % lines for IIN % and contract "%"', $1, cardinality(lines), $2, $3
            USING ERRCODE = 'cardinality_violation', HINT = 'Name the date of the contract as dbz_dt.';
    END IF;
    INSERT INTO k2.file (name, mime, content) VALUES ($4, coalesce($5, k2.mime_of($6)), $6)
        RETURNING id, code, name, mime, content, created_at INTO stored;
    UPDATE k2.rzap_item i SET file_id = stored.id WHERE i.id = lines[1];
    RETURN stored;
END
$$;
COMMENT ON FUNCTION k2.attach_file_as_owner(text, text, text, text, text, bytea, date) IS 'Behind k2.attach_file.';
