-- API clients of the listener, and the files it serves.

CREATE FUNCTION k2bridge.random_token() RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_random_token';
COMMENT ON FUNCTION k2bridge.random_token() IS '256 random bits as hexadecimal digits.';

CREATE FUNCTION k2bridge.add_api_client_as_owner(name text, role name, services text[], allowed_from cidr[]) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted_role pg_roles;
    unknown text;
    token text := k2bridge.random_token();
BEGIN
    IF coalesce(name, '') = '' OR position(':' in name) > 0 OR octet_length(name) > 63 THEN
        RAISE EXCEPTION 'invalid name of an API client' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It is the login of basic authentication: at most 63 bytes, without a colon.';
    END IF;
    SELECT * INTO wanted_role FROM pg_roles r WHERE r.rolname = role;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = 'undefined_object';
    ELSIF wanted_role.rolsuper THEN
        RAISE EXCEPTION 'role "%" of an API client must not be a superuser', role USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Create a role for it and run: SELECT k2bridge.grant_access(%L, ''service'');', name);
    ELSIF NOT pg_has_role(k2bridge.caller(), wanted_role.oid, 'MEMBER') THEN
        RAISE EXCEPTION 'role "%" is not a member of role "%"', k2bridge.caller(), role USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT s.name INTO unknown FROM unnest(services) s (name)
     WHERE NOT EXISTS (SELECT FROM k2bridge.service k WHERE k.name = s.name) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'service "%" does not exist', unknown USING ERRCODE = 'undefined_object',
            HINT = 'The services are in k2bridge.service.';
    END IF;
    INSERT INTO k2bridge.api_client (name, role, services, allowed_from, secret_hash)
    VALUES ($1, $2, $3, $4, sha256(convert_to(token, 'UTF8')));
    PERFORM k2bridge.record_audit('k2bridge.api_client', $1, 'add', NULL,
        jsonb_build_object('role', $2, 'services', to_jsonb($3), 'allowed_from', to_jsonb($4::text[])), NULL);
    RETURN token;
END
$$;
COMMENT ON FUNCTION k2bridge.add_api_client_as_owner(text, name, text[], cidr[]) IS 'Behind the door k2bridge.add_api_client.';

CREATE FUNCTION k2bridge.add_api_client(name text, role name, services text[] DEFAULT NULL, allowed_from cidr[] DEFAULT NULL)
    RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.add_api_client(text, name, text[], cidr[]) IS
'Lets a client call services over HTTP (null: all, from anywhere) as a role that the caller is a member of. Returns its token, which is shown this once.';

CREATE TYPE k2.file_head_row AS (
    id         bigint,
    code       text,
    name       text,
    mime       text,
    size       bigint,
    created_at timestamptz
);
COMMENT ON TYPE k2.file_head_row IS 'A file without its content.';

CREATE FUNCTION k2.get_file_as_owner(code text) RETURNS k2.file_head_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ROW(f.id, f.code, f.name, f.mime, octet_length(f.content), f.created_at)::k2.file_head_row
      FROM k2.file f WHERE f.code = $1
$$;
COMMENT ON FUNCTION k2.get_file_as_owner(text) IS 'Behind the door k2.get_file.';

CREATE FUNCTION k2.get_file(code text) RETURNS k2.file_head_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.get_file(text) IS 'What is known of a file besides its content; null when there is none of that code.';

CREATE FUNCTION k2.read_file_as_owner(id bigint, start bigint, size integer) RETURNS bytea
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT substring(f.content FROM $2::integer + 1 FOR $3) FROM k2.file f WHERE f.id = $1
$$;
COMMENT ON FUNCTION k2.read_file_as_owner(bigint, bigint, integer) IS 'Behind the door k2.read_file.';

CREATE FUNCTION k2.read_file(id bigint, start bigint, size integer) RETURNS bytea
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.read_file(bigint, bigint, integer) IS 'A piece of a file, from a position counted from 0.';
