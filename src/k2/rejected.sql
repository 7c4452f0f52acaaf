-- Refused items of batches, run again once their cause is mended.

CREATE FUNCTION k2bridge.replay_as_owner(id bigint) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused record;
    before bigint;
    reply jsonb;
BEGIN
    SELECT r.service, r.item, r.settled_at INTO refused FROM k2bridge.rejected_item r WHERE r.id = $1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'rejected item % does not exist', $1 USING ERRCODE = 'no_data_found';
    ELSIF refused.settled_at IS NOT NULL THEN
        RAISE EXCEPTION 'rejected item % was settled at %', $1, refused.settled_at
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT coalesce(max(r.id), 0) INTO before FROM k2bridge.rejected_item r;
    EXECUTE format('SELECT k2.%I($1)', refused.service) INTO reply USING jsonb_build_array(refused.item);
    IF reply -> 'error_code' = '0' THEN
        UPDATE k2bridge.rejected_item r SET settled_at = clock_timestamp() WHERE r.id = $1;
    ELSE
        -- The service kept the item once more; what it says now belongs to the row that is there already.
        DELETE FROM k2bridge.rejected_item r
         WHERE r.id > before AND r.service = refused.service AND r.item = refused.item
           AND r.correlation = k2bridge.correlation();
        UPDATE k2bridge.rejected_item r
           SET error_code = (coalesce(reply #> '{errors,0}', reply) ->> 'error_code')::integer,
               error_text = coalesce(reply #> '{errors,0}', reply) ->> 'error_text'
         WHERE r.id = $1;
    END IF;
    PERFORM k2bridge.record_audit('k2bridge.rejected_item', $1::text, 'replay', refused.item, reply, NULL);
    RETURN reply;
END
$$;
COMMENT ON FUNCTION k2bridge.replay_as_owner(bigint) IS 'Behind the door k2bridge.replay.';

CREATE FUNCTION k2bridge.replay(id bigint) RETURNS jsonb
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.replay(bigint) IS
'Runs a refused item of a batch again, by its service. Success settles it; otherwise it keeps the new code and text. Returns the reply.';
