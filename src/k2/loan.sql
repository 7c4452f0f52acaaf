-- Loans: what k2loan_from_eko (I1) and k2loan_sync_debt (I3) bring, history of debts, today, identifiers.

CREATE FUNCTION k2.today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (now() AT TIME ZONE current_setting('k2bridge.timezone'))::date
$$;
COMMENT ON FUNCTION k2.today() IS 'Today in k2bridge.timezone.';

CREATE FUNCTION k2.iin_valid(iin text) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'k2bridge_iin_valid';
COMMENT ON FUNCTION k2.iin_valid(text) IS 'Whether an IIN or BIN has 12 digits and the right check digit.';

CREATE FUNCTION k2.iban_valid(iban text) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'k2bridge_iban_valid';
COMMENT ON FUNCTION k2.iban_valid(text) IS 'Whether an IBAN is well formed and passes mod 97.';

CREATE FUNCTION k2.read_loans(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL,
                              iban_systems text[] DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb,
                   iinbin text, request_id bigint, iban text, cur text, debt numeric, fullname text, contract_number text,
                   dbz_contract_number text, dbz_dt date, dep_id bigint, id bigint, problemfl bigint, segment text,
                   dea_dord date, dea_dep_id bigint, dea_id bigint, dea_code text, overdue_days bigint, system text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_loans';
COMMENT ON FUNCTION k2.read_loans(jsonb, integer, integer, text[]) IS
'The items of a k2loan_from_eko payload as rows: good ones in the order of their key, the last one where a key is repeated, then bad ones with code and text. Loans of iban_systems must have an iban.';

CREATE FUNCTION k2.read_debts(payload jsonb, first integer DEFAULT NULL, last integer DEFAULT NULL)
    RETURNS TABLE ("position" integer, error_code integer, error_text text, extra jsonb,
                   request_id bigint, debt numeric, contract_number text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_read_debts';
COMMENT ON FUNCTION k2.read_debts(jsonb, integer, integer) IS
'The items of a k2loan_sync_debt payload as rows, as k2.read_loans does.';

-- A field that a later push leaves out keeps its value: older senders do not know all of them.
CREATE FUNCTION k2.store_loans(payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH item AS MATERIALIZED (
        SELECT r.* FROM k2.read_loans($1, $2, $3, ARRAY(SELECT s.code FROM k2.system s WHERE s.kind = 'way4')) r
    ), stored AS (
        INSERT INTO k2.loan AS l (system, contract_number, dbz_contract_number, dbz_dt, iinbin, fullname, iban, cur, debt,
                                  overdue_days, problemfl, segment, abs_dep_id, abs_id, dea_dord, dea_dep_id, dea_id,
                                  dea_code, request_id, debt_source, extra)
        SELECT i.system, i.contract_number, i.dbz_contract_number, i.dbz_dt, i.iinbin, i.fullname, i.iban, i.cur, i.debt,
               i.overdue_days::integer, i.problemfl::integer, i.segment, i.dep_id, i.id, i.dea_dord, i.dea_dep_id, i.dea_id,
               i.dea_code, i.request_id, 'k2loan_from_eko', i.extra
          FROM item i WHERE i.error_code IS NULL
        ON CONFLICT ON CONSTRAINT loan_contract_number_system_key DO UPDATE
           SET dbz_contract_number = excluded.dbz_contract_number,
               dbz_dt = coalesce(excluded.dbz_dt, l.dbz_dt),
               iinbin = excluded.iinbin,
               fullname = excluded.fullname,
               iban = coalesce(excluded.iban, l.iban),
               cur = excluded.cur,
               debt = excluded.debt,
               overdue_days = excluded.overdue_days,
               problemfl = coalesce(excluded.problemfl, l.problemfl),
               segment = coalesce(excluded.segment, l.segment),
               abs_dep_id = coalesce(excluded.abs_dep_id, l.abs_dep_id),
               abs_id = coalesce(excluded.abs_id, l.abs_id),
               dea_dord = coalesce(excluded.dea_dord, l.dea_dord),
               dea_dep_id = coalesce(excluded.dea_dep_id, l.dea_dep_id),
               dea_id = coalesce(excluded.dea_id, l.dea_id),
               dea_code = coalesce(excluded.dea_code, l.dea_code),
               request_id = excluded.request_id,
               received_at = excluded.received_at,
               synced_at = excluded.synced_at,
               debt_source = excluded.debt_source,
               extra = excluded.extra
    )
    SELECT i."position", i.error_code, i.error_text FROM item i WHERE i.error_code IS NOT NULL
$$;
COMMENT ON FUNCTION k2.store_loans(jsonb, integer, integer) IS 'Stores the loans of a k2loan_from_eko payload; returns the refused items.';

-- The rows are locked in the order in which k2.store_loans writes them.
CREATE FUNCTION k2.store_debts(payload jsonb, first integer, last integer) RETURNS SETOF k2.item_fault
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH item AS MATERIALIZED (
        SELECT r.* FROM k2.read_debts($1, $2, $3) r
    ), held AS MATERIALIZED (
        SELECT l.id, l.contract_number FROM k2.loan l
         WHERE l.contract_number = ANY (ARRAY(SELECT i.contract_number FROM item i WHERE i.error_code IS NULL))
         ORDER BY l.contract_number COLLATE "C", l.system COLLATE "C" FOR NO KEY UPDATE
    ), found AS MATERIALIZED (
        SELECT i."position", i.contract_number, i.debt, count(h.id) AS systems, min(h.id) AS loan_id
          FROM item i LEFT JOIN held h ON h.contract_number = i.contract_number
         WHERE i.error_code IS NULL GROUP BY 1, 2, 3
    ), stored AS (
        UPDATE k2.loan l SET debt = f.debt, synced_at = clock_timestamp(), debt_source = 'k2loan_sync_debt'
          FROM found f WHERE l.id = f.loan_id AND f.systems = 1
    )
    SELECT i."position", i.error_code, i.error_text FROM item i WHERE i.error_code IS NOT NULL
    UNION ALL
    SELECT f."position", CASE f.systems WHEN 0 THEN 404 ELSE 409 END,
           format(CASE f.systems WHEN 0 THEN 'Не найден кредит с номером договора %s'
                                 ELSE 'Договор %s найден в нескольких системах' END, f.contract_number)
      FROM found f WHERE f.systems <> 1
$$;
COMMENT ON FUNCTION k2.store_debts(jsonb, integer, integer) IS 'Stores the debts of a k2loan_sync_debt payload; returns the refused items.';

CREATE FUNCTION k2.k2loan_from_eko_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.run_batch('k2loan_from_eko', 'k2.store_loans', $1, 13)
$$;
COMMENT ON FUNCTION k2.k2loan_from_eko_as_owner(jsonb) IS 'Behind the door k2.k2loan_from_eko.';
CREATE FUNCTION k2.k2loan_from_eko(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_from_eko(jsonb) IS
'Service I1: takes in overdue loans, an array or {"items": [...]}. A repeated contract is updated; refused items are answered in errors[].';

CREATE FUNCTION k2.k2loan_sync_debt_as_owner(payload jsonb) RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2.run_batch('k2loan_sync_debt', 'k2.store_debts', $1)
$$;
COMMENT ON FUNCTION k2.k2loan_sync_debt_as_owner(jsonb) IS 'Behind the door k2.k2loan_sync_debt.';
CREATE FUNCTION k2.k2loan_sync_debt(payload jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2.k2loan_sync_debt(jsonb) IS
'Service I3: takes current debts by contract_number, an array or {"items": [...]}. A contract known in several systems is answered 409.';

-- Triggers of k2.loan.

CREATE FUNCTION k2.loan_debt_typed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.synced_at := clock_timestamp();
    NEW.debt_source := 'manual';
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION k2.loan_debt_typed() IS 'Trigger: a debt that a person changes is a debt confirmed now.';

CREATE FUNCTION k2.loan_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO k2.loan_debt (loan_id, debt, source, created_by, correlation)
    SELECT n.id, n.debt, n.debt_source, k2bridge.caller(), k2bridge.correlation() FROM inserted n;
    INSERT INTO k2.client AS c (iin, name)
    SELECT DISTINCT ON (n.iinbin COLLATE "C") n.iinbin, n.fullname FROM inserted n ORDER BY n.iinbin COLLATE "C", n.id DESC
        ON CONFLICT (iin) DO UPDATE SET name = excluded.name WHERE c.name IS DISTINCT FROM excluded.name;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.loan_inserted() IS 'Trigger: a new loan begins the history of its debt and has a client.';

-- The plan of a join of transition tables is kept from its first call, when they may hold one row; a nested loop would
-- be quadratic later. Compiling such a plan would take longer than running it.
CREATE FUNCTION k2.loan_updated() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO k2.loan_debt (loan_id, debt, source, created_by, correlation)
    SELECT n.id, n.debt, n.debt_source, k2bridge.caller(), k2bridge.correlation()
      FROM updated n JOIN former o ON o.id = n.id WHERE n.debt <> o.debt;
    INSERT INTO k2.client AS c (iin, name)
    SELECT DISTINCT ON (n.iinbin COLLATE "C") n.iinbin, n.fullname
      FROM updated n JOIN former o ON o.id = n.id
     WHERE (n.iinbin, n.fullname) IS DISTINCT FROM (o.iinbin, o.fullname)
     ORDER BY n.iinbin COLLATE "C", n.id DESC
        ON CONFLICT (iin) DO UPDATE SET name = excluded.name WHERE c.name IS DISTINCT FROM excluded.name;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION k2.loan_updated() IS
'Trigger: keeps the history of debts and the client''s name.';
