-- What a К2 service answers (wire document, sections 1 and 4). Codes of our own, for what the document leaves open:
-- 400 malformed payload, 404 object not found, 409 conflict with the current state, 422 missing or invalid field.
-- Texts are Russian like the document's and name the field or reference.

CREATE FUNCTION k2.success() RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{"error_text": "", "error_code": 0}'::jsonb
$$;
COMMENT ON FUNCTION k2.success() IS 'The reply of a service that did what it was asked.';

CREATE FUNCTION k2.refusal(error_code integer, error_text text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('error_code', $1, 'error_text', $2)
$$;
COMMENT ON FUNCTION k2.refusal(integer, text) IS 'The reply of a service that refuses.';

CREATE TYPE k2.refused_item AS (
    "position" integer,
    request_id jsonb,
    item       jsonb,
    error_code integer,
    error_text text
);
COMMENT ON TYPE k2.refused_item IS
'One refused item of a batch: position in the payload from 1, the request_id it carried (null when none), the item as received, code and text.';

CREATE FUNCTION k2.refuse_items(service text, error_code integer, error_text text, refused k2.refused_item[]) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH kept AS (
        INSERT INTO k2bridge.rejected_item (service, "position", item, error_code, error_text, correlation)
        SELECT $1, r."position", r.item, r.error_code, r.error_text, k2bridge.correlation()
          FROM unnest($4) r ORDER BY r."position"
    )
    SELECT jsonb_build_object('error_code', $2, 'error_text', $3, 'errors',
               (SELECT jsonb_agg(jsonb_build_object('error_code', r.error_code, 'error_text', r.error_text,
                                                    'request_id', coalesce(r.request_id, to_jsonb(r."position")))
                                 ORDER BY r."position")
                  FROM unnest($4) r))
$$;
COMMENT ON FUNCTION k2.refuse_items(text, integer, text, k2.refused_item[]) IS
'The reply of a batch service some of whose items failed; keeps each of them in k2bridge.rejected_item.';

CREATE FUNCTION k2.missing_text(payload jsonb, fields text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN jsonb_typeof($1) IS DISTINCT FROM 'object' THEN k2.refusal(400, 'Ожидается объект JSON')
        ELSE (SELECT k2.refusal(422, CASE WHEN coalesce($1 ->> f.name, '') = '' THEN 'Не заполнено поле ' || f.name
                                          ELSE 'Неверное значение поля ' || f.name END)
                FROM unnest($2) WITH ORDINALITY AS f (name, position)
               WHERE coalesce($1 ->> f.name, '') = '' OR jsonb_typeof($1 -> f.name) NOT IN ('string', 'number')
               ORDER BY f.position LIMIT 1)
    END
$$;
COMMENT ON FUNCTION k2.missing_text(jsonb, text[]) IS
'The refusal of a payload that is no object (400) or lacks one of the named texts (422); null when all are there.';
