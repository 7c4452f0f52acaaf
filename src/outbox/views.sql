-- What the views of the person on duty need to know of servers.

CREATE FUNCTION k2bridge.servers_for(endpoint text) RETURNS name[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(s.srvname ORDER BY s.srvname), '{}')
      FROM k2bridge.endpoint e
      JOIN pg_foreign_data_wrapper w ON w.fdwname = 'k2bridge'
      JOIN pg_foreign_server s ON s.srvfdw = w.oid AND s.srvtype = e.server_type
     WHERE e.name = $1
       AND EXISTS (SELECT FROM unnest(s.srvoptions) o
                    WHERE o LIKE replace(coalesce(e.url_option, 'base_url'), '_', '\_') || '=%')
$$;
COMMENT ON FUNCTION k2bridge.servers_for(text) IS
'The servers that have what an endpoint needs; calls that name no server are sent when there is exactly one.';
