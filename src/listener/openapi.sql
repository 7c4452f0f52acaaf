-- The description of the services in OpenAPI 3, from the service table and the comments of its functions.

CREATE FUNCTION k2bridge.openapi_responses(done text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('200', jsonb_build_object('description', done,
               'headers', jsonb_build_object('X-Correlation-Id', jsonb_build_object('$ref', '#/components/headers/Correlation')),
               'content', jsonb_build_object('application/json', jsonb_build_object('schema', jsonb_build_object('$ref', '#/components/schemas/Answer')))))
        || jsonb_object_agg(status, jsonb_build_object('$ref', '#/components/responses/Refusal'))
      FROM unnest('{400,401,403,404,405,408,413,414,415,431,500,503}'::text[]) status
$$;
COMMENT ON FUNCTION k2bridge.openapi_responses(text) IS 'The responses of a service: the answer of the business, and the refusals of the listener.';

CREATE FUNCTION k2bridge.openapi_services(client name) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg('/restapi/services/run/' || s.name, jsonb_build_object('post', jsonb_build_object(
               'operationId', s.name,
               'tags', jsonb_build_array('services'),
               'summary', coalesce(substring(d.comment FROM '^[^\n]*?[.](?=\s|$)'), split_part(d.comment, E'\n', 1), s.name),
               'description', concat_ws(E'\n\n', d.comment, format('Function %s; a request may take %s.', s.function, s.timeout)),
               'requestBody', jsonb_build_object('required', true, 'content', jsonb_build_object('application/json', jsonb_build_object('schema',
                   jsonb_build_object('$ref', '#/components/schemas/Payload')))),
               'responses', k2bridge.openapi_responses('The answer of the service: error_code 0, or why not.')))), '{}')
      FROM k2bridge.service s
      LEFT JOIN k2bridge.api_client c ON c.name = $1
     CROSS JOIN LATERAL (SELECT obj_description(p.oid, 'pg_proc')
                           FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                          WHERE (lower(s.function) = n.nspname || '.' || p.proname OR s.function = format('%I.%I', n.nspname, p.proname))
                            AND p.proargtypes = ARRAY['jsonb'::regtype::oid]::oidvector
                            AND p.prorettype = 'jsonb'::regtype AND NOT p.proretset) d (comment)
     WHERE s.enabled AND (c.services IS NULL OR s.name = ANY (c.services))
$$;
COMMENT ON FUNCTION k2bridge.openapi_services(name) IS
'The paths of the services that an API client may call (null: of all); what names no function is left out.';

CREATE FUNCTION k2bridge.openapi_files() RETURNS jsonb
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        '/restapi/getfile', jsonb_build_object('get', jsonb_build_object('operationId', 'getfile', 'tags', '["files"]'::jsonb,
            'summary', 'A stored file, usually the scan of a contract',
            'parameters', '[{"name": "code", "in": "query", "required": true, "schema": {"type": "string"}, "description": "CUST-<uuid>"},
                {"name": "inline", "in": "query", "schema": {"type": "boolean"}, "description": "to be shown, not saved"},
                {"name": "attachment", "in": "query", "schema": {"type": "boolean"}, "description": "to be saved; wins over inline"},
                {"name": "base64", "in": "query", "schema": {"type": "boolean"}, "description": "the content in base64"}]'::jsonb,
            'responses', k2bridge.openapi_responses('') || '{"200": {"description": "The content of the file.",
                "headers": {"ETag": {"schema": {"type": "string"}}, "Last-Modified": {"schema": {"type": "string"}},
                            "Content-Disposition": {"schema": {"type": "string"}}},
                "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
                "304": {"description": "If-None-Match names what is still there."}}'::jsonb)),
        '/restapi/upload', jsonb_build_object('post', jsonb_build_object('operationId', 'upload', 'tags', '["files"]'::jsonb,
            'summary', 'Attaches a scan to a line of an RZAP',
            'requestBody', '{"required": true, "content": {"multipart/form-data": {"schema": {"type": "object",
                "required": ["file", "refer", "iin", "dbz_num"], "properties": {"file": {"type": "string", "format": "binary"},
                "refer": {"type": "string"}, "iin": {"type": "string"}, "dbz_num": {"type": "string"},
                "dbz_dt": {"type": "string", "format": "date"}}}}}}'::jsonb,
            'responses', k2bridge.openapi_responses('error_code 0 with the code of the file, or why not.'))))
$$;
COMMENT ON FUNCTION k2bridge.openapi_files() IS 'The paths for files.';

CREATE FUNCTION k2bridge.openapi_as_owner() RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'openapi', '3.0.3',
        'info', jsonb_build_object('title', 'k2bridge: ' || current_database(), 'version', k2bridge.version(),
            'description', 'Services of the debt-collection register К2. Every reply carries X-Correlation-Id.'),
        'servers', jsonb_build_array(jsonb_build_object('url', '/')),
        'security', '[{"bearer": []}, {"basic": []}]'::jsonb,
        'tags', '[{"name": "services", "description": "From the table k2bridge.service"}, {"name": "files"}]'::jsonb,
        'paths', k2bridge.openapi_services(k2bridge.client()) || k2bridge.openapi_files(),
        'components', '{
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}},
            "headers": {"Correlation": {"description": "the story that the request belongs to", "schema": {"type": "string", "format": "uuid"}}},
            "schemas": {
                "Payload": {"description": "An object; batch services take an array of items or an object with the key items.",
                    "oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                "Answer": {"description": "Most answers are an object with error_code and error_text; a refused batch lists its items in errors.",
                    "type": "object", "additionalProperties": true,
                    "properties": {"error_code": {"type": "integer"}, "error_text": {"type": "string"},
                                   "errors": {"type": "array", "items": {"type": "object"}}}},
                "Refusal": {"type": "object", "required": ["error_code", "error_text", "correlation"],
                    "properties": {"error_code": {"type": "integer"}, "error_text": {"type": "string"},
                                   "correlation": {"type": "string", "format": "uuid"}}}},
            "responses": {"Refusal": {"description": "The listener refuses the request; error_code is the HTTP status.",
                "headers": {"X-Correlation-Id": {"$ref": "#/components/headers/Correlation"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}}}}'::jsonb)
$$;
COMMENT ON FUNCTION k2bridge.openapi_as_owner() IS 'Behind the door k2bridge.openapi.';

CREATE FUNCTION k2bridge.openapi() RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.openapi() IS
'The services over HTTP in OpenAPI 3, from k2bridge.service and the comments of its functions; an API client sees those it may call.';
