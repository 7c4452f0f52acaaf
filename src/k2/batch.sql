-- Batches: items stand alone, good ones are stored, bad ones answered and kept (design section 5).
--
-- A service names its store function, f(payload jsonb, first integer, last integer) returns setof k2.item_fault: one
-- statement that reads the items at those positions (src/k2/payload.hpp), stores the good ones set-based and returns
-- the bad ones. It is called once for the whole payload; only when the database refuses some row is the range halved
-- until the item at fault stands alone.

CREATE TYPE k2.item_fault AS ("position" integer, error_code integer, error_text text);
COMMENT ON TYPE k2.item_fault IS 'Why the item of a batch at that position (from 1) was refused.';

CREATE FUNCTION k2.batch_items(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof($1) = 'array' THEN $1
                WHEN jsonb_typeof($1) = 'object' AND jsonb_typeof($1 -> 'items') = 'array' THEN $1 -> 'items' END
$$;
COMMENT ON FUNCTION k2.batch_items(jsonb) IS 'The items of a batch, a bare array or {"items": [...]}; null when it is neither.';

CREATE FUNCTION k2.concerns_item(sqlstate text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT left($1, 2) IN ('21', '22', '23', '27', '44', '54', 'P0') OR $1 = '42501'
$$;
COMMENT ON FUNCTION k2.concerns_item(text) IS
'Whether an error with that SQLSTATE is the fault of the row at hand (data, size, constraint, trigger) and not of the moment (deadlock, lock, cancel, resources).';

CREATE FUNCTION k2.store_batch(store text, payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    faults k2.item_fault[];
    state text;
    message text;
    middle integer := first + (last - first) / 2;
BEGIN
    BEGIN
        EXECUTE format('SELECT array_agg(f ORDER BY f."position") FROM %s($1, $2, $3) f', store)
           INTO faults USING payload, first, last;
        RETURN QUERY SELECT f.* FROM unnest(faults) f;
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
        IF NOT k2.concerns_item(state) THEN
            RAISE;
        END IF;
    END;
    IF first >= last THEN
        RETURN NEXT ROW(first, 422, 'Запись отклонена базой данных: ' || message)::k2.item_fault;
        RETURN;
    END IF;
    -- The earlier half first: of a key named in both halves the last item counts.
    RETURN QUERY SELECT f.* FROM k2.store_batch(store, payload, first, middle) f;
    RETURN QUERY SELECT f.* FROM k2.store_batch(store, payload, middle + 1, last) f;
END
$$;
COMMENT ON FUNCTION k2.store_batch(text, jsonb, integer, integer) IS
'Runs a store function over a range of items; when the database refuses a row, halves the range until the culprit stands alone.';

-- Without JIT: the planner cannot know how short a payload is, and compiling takes longer than storing it.
CREATE FUNCTION k2.run_batch(service text, store text, payload jsonb, error_code integer DEFAULT NULL,
                             error_text text DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    items jsonb := k2.batch_items(payload);
    refused k2.refused_item[];
BEGIN
    IF items IS NULL THEN
        RETURN k2.refusal(400, 'Ожидается массив или объект с массивом items');
    END IF;
    SELECT array_agg(ROW(f."position", nullif(i.item -> 'request_id', 'null'), i.item, f.error_code,
                         f.error_text)::k2.refused_item ORDER BY f."position")
      INTO refused
      FROM k2.store_batch(store, items, 1, jsonb_array_length(items)) f
      CROSS JOIN LATERAL (SELECT items -> (f."position" - 1)) i (item);
    IF refused IS NULL THEN
        RETURN k2.success();
    END IF;
    RETURN k2.refuse_items(service, coalesce(error_code, refused[1].error_code),
                           coalesce(error_text, refused[1].error_text), refused);
END
$$;
COMMENT ON FUNCTION k2.run_batch(text, text, jsonb, integer, text) IS
'The body of a batch service: stores the items by the store function named, keeps and answers the refused ones. Code and text of the whole default to those of the first refused item.';
