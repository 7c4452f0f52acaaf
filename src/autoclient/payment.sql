-- Payments: the documented rules of the fields are checked here, so that the error names the field before anything is
-- sent (wire/autoclient.md section 5). INSERT into autoclient.payment queues the call; a draft is made at most once.

CREATE FUNCTION autoclient.wrong_field(field text, reason text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'field "%" of the payment %', field, reason USING ERRCODE = 'invalid_parameter_value',
        HINT = 'The fields and their rules are those of payment/create of the Autoclient document.';
END
$$;
COMMENT ON FUNCTION autoclient.wrong_field(text, text) IS 'Raises 22023: what is wrong with a field of a payment.';

CREATE FUNCTION autoclient.field_rules() RETURNS TABLE (field text, pattern text, meaning text)
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('document_number', '^\S.*$', 'must not be empty'),
           ('payer_account', '^(UA\d{27}|\d{5,14})$', 'must be an IBAN (UA and 27 digits) or an account of up to 14 digits'),
           ('recipient_account', '^(UA\d{27}|\d{5,14})$', 'must be an IBAN (UA and 27 digits) or an account of up to 14 digits'),
           ('recipient_card', '^\d{16}$', 'must have 16 digits'),
           ('recipient_nceo', '^\d{8,10}$', 'must have 8 to 10 digits'),
           ('payment_naming', '^\S.*$', 'must not be empty'),
           ('payment_amount', '^\d{1,15}(\.\d{1,2})?$', 'must be an amount such as 0.01'),
           ('payment_destination', '^.{5}', 'must have 5 to 420 characters'),
           ('recipient_document_number', '^.+$', 'must not be empty'),
           ('recipient_document_series', '^.+$', 'must not be empty'),
           ('recipient_document_id_number', '^\d{9}$', 'must have 9 digits'),
           ('document_type', '^\S+$', 'must not be empty'),
           ('payment_date', '^\d\d\.\d\d\.\d{4}$', 'must be a date DD.MM.YYYY'),
           ('payment_accept_date', '^\d\d\.\d\d\.\d{4}$', 'must be a date DD.MM.YYYY'),
           ('payment_cb_ref', '^.*$', ''), ('copy_from_ref', '^.*$', ''), ('attach', '^.*$', ''), ('signer_msg', '^.*$', ''),
           ('odb_msg', '^.*$', ''), ('recipient_ifi_text', '^.*$', ''),
           ('recipient_ifi', '^\d{6}$', 'must have 6 digits'),
           ('payment_ccy', '^[A-Z]{3}$', 'must have 3 letters'),
           ('payer_ultmt_nceo', '^[0-9]{8,10}$', 'must have 8 to 10 digits'),
           ('recipient_ultmt_nceo', '^[0-9]{8,10}$', 'must have 8 to 10 digits'),
           ('payer_ultmt_document_series', '^[А-Яа-яёЁЇїІіЄєҐґ]{1,2}$', 'must have 1 or 2 cyrillic letters'),
           ('recipient_ultmt_document_series', '^[А-Яа-яёЁЇїІіЄєҐґ]{1,2}$', 'must have 1 or 2 cyrillic letters'),
           ('payer_ultmt_document_number', '^[0-9]{6}$', 'must have 6 digits'),
           ('recipient_ultmt_document_number', '^[0-9]{6}$', 'must have 6 digits'),
           ('payer_ultmt_document_id_number', '^[0-9]{9}$', 'must have 9 digits'),
           ('recipient_ultmt_document_id_number', '^[0-9]{9}$', 'must have 9 digits'),
           ('payer_ultmt_name', '^.{3,70}$', 'must have 3 to 70 characters'),
           ('recipient_ultmt_name', '^.{3,70}$', 'must have 3 to 70 characters'),
           ('struct_code', '^.{1,3}$', 'must have 1 to 3 characters'),
           ('struct_category', '^.{1,140}$', 'must have 1 to 140 characters'),
           ('struct_type', '^(22080000|22080200|22080300)$', 'must be 22080000, 22080200 or 22080300')
$$;
COMMENT ON FUNCTION autoclient.field_rules() IS 'Every field of a payment with the pattern of its documented rule.';

CREATE FUNCTION autoclient.luhn_valid(card text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT sum(CASE WHEN (length(card) - d.position) % 2 = 0 THEN d.digit::integer
                    ELSE d.digit::integer * 2 / 10 + d.digit::integer * 2 % 10 END) % 10 = 0
      FROM regexp_split_to_table(card, '') WITH ORDINALITY AS d (digit, position)
$$;
COMMENT ON FUNCTION autoclient.luhn_valid(text) IS 'Whether the check digit of a card number is right.';

CREATE FUNCTION autoclient.check_payment(payment jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
DECLARE
    made jsonb;
    wrong record;
    missing text;
BEGIN
    IF jsonb_typeof(payment) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'payment must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT jsonb_object_agg(f.key, f.value) INTO made FROM jsonb_each_text(payment) f WHERE f.value IS NOT NULL;
    FOREACH missing IN ARRAY '{document_number,payer_account,recipient_nceo,payment_naming,payment_amount,payment_destination}'::text[] LOOP
        IF made ->> missing IS NULL THEN
            PERFORM autoclient.wrong_field(missing, 'is missing');
        END IF;
    END LOOP;
    SELECT f.key, r.meaning INTO wrong
      FROM jsonb_each_text(made) f
      LEFT JOIN autoclient.field_rules() r ON r.field = f.key
     WHERE r.field IS NULL OR f.value !~ r.pattern OR jsonb_typeof(payment -> f.key) NOT IN ('string', 'number')
     ORDER BY f.key LIMIT 1;
    IF FOUND THEN
        PERFORM autoclient.wrong_field(wrong.key, CASE WHEN wrong.meaning IS NULL THEN 'is none that the bank knows'
                                                       ELSE coalesce(nullif(wrong.meaning, ''), 'must be a text') END);
    END IF;
    PERFORM autoclient.check_payment_parties(made), autoclient.check_payment_values(made);
    RETURN made;
END
$$;
COMMENT ON FUNCTION autoclient.check_payment(jsonb) IS
'The payment as the bank wants it, all values texts; raises 22023 naming the first field that breaks a documented rule.';

CREATE FUNCTION autoclient.check_payment_parties(payment jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF payment ? 'recipient_account' AND payment ? 'recipient_card' THEN
        PERFORM autoclient.wrong_field('recipient_card', 'must not be given together with recipient_account');
    ELSIF NOT payment ? 'recipient_account' AND NOT payment ? 'recipient_card' THEN
        PERFORM autoclient.wrong_field('recipient_account', 'is missing, and so is recipient_card');
    ELSIF NOT coalesce(autoclient.luhn_valid(payment ->> 'recipient_card'), true) THEN
        PERFORM autoclient.wrong_field('recipient_card', 'has a wrong check digit');
    ELSIF payment ->> 'recipient_nceo' = '0000000000' AND NOT payment ? 'recipient_document_id_number'
          AND NOT payment ?& '{recipient_document_number,recipient_document_series}'::text[] THEN
        PERFORM autoclient.wrong_field('recipient_document_number',
                                       'is missing: a recipient without a code has a passport (number and series, or id number)');
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.check_payment_parties(jsonb) IS 'Rules of a payment about its recipient: card or account, code or passport.';

CREATE FUNCTION autoclient.check_payment_values(payment jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, DMY' AS $$
DECLARE
    field text;
    tax boolean := payment ->> 'recipient_ifi' = '899998' OR payment ->> 'recipient_account' ~ '^UA\d\d899998';
BEGIN
    IF (payment ->> 'payment_amount')::numeric <= 0 THEN
        PERFORM autoclient.wrong_field('payment_amount', 'must be above 0');
    ELSIF length(payment ->> 'payment_destination') > 420 THEN
        PERFORM autoclient.wrong_field('payment_destination', 'must have 5 to 420 characters');
    ELSIF tax AND length(payment ->> 'payment_destination') > 140 THEN
        PERFORM autoclient.wrong_field('payment_destination', 'must have at most 140 characters when the recipient''s bank is 899998');
    END IF;
    FOREACH field IN ARRAY '{payment_date,payment_accept_date}'::text[] LOOP
        IF to_char(to_date(payment ->> field, 'DD.MM.YYYY'), 'DD.MM.YYYY') <> payment ->> field THEN
            PERFORM autoclient.wrong_field(field, 'is no date of the calendar');
        END IF;
    END LOOP;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
    PERFORM autoclient.wrong_field(field, 'is no date of the calendar');
END
$$;
COMMENT ON FUNCTION autoclient.check_payment_values(jsonb) IS 'Rules of a payment about amount, purpose and dates.';

CREATE FUNCTION autoclient.check_charset(server name, args jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    misfit text[];
BEGIN
    IF coalesce(lower(autoclient.server_option($1, 'charset')), 'utf8') NOT IN ('cp1251', 'windows-1251') THEN
        RETURN;
    END IF;
    misfit := k2bridge.windows_1251_misfit($2);
    IF misfit IS NOT NULL THEN
        RAISE EXCEPTION 'field "%" has a character that windows-1251 lacks: "%"', misfit[1], misfit[2]
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Replace it, or ALTER SERVER %I OPTIONS (SET charset ''utf8'').', $1);
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.check_charset(name, jsonb) IS
'Raises 22023 naming the field, at any depth, whose text the charset of the server cannot carry, before anything is queued.';

-- The table.

CREATE FUNCTION autoclient.payment_checked() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.server := autoclient.default_server(NEW.server);
        NEW.request := autoclient.check_payment(NEW.request);
        PERFORM autoclient.check_charset(NEW.server, NEW.request);
        NEW.amount := (NEW.request ->> 'payment_amount')::numeric;
        NEW.created_by := k2bridge.caller();
    ELSIF (NEW.request, NEW.server, NEW.amount, NEW.forecast) IS DISTINCT FROM (OLD.request, OLD.server, OLD.amount, OLD.forecast) THEN
        RAISE EXCEPTION 'payment % cannot be changed', OLD.id USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Delete the draft with autoclient.delete_payment and make a new payment.';
    END IF;
    NEW.updated_at := CASE WHEN TG_OP = 'UPDATE' AND NEW.state = OLD.state THEN OLD.updated_at ELSE clock_timestamp() END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION autoclient.payment_checked() IS 'Trigger of autoclient.payment: checks the fields of a new payment; what was asked for never changes.';

CREATE FUNCTION autoclient.payments_inserted() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT n.*, row_number() OVER (ORDER BY n.id) AS position FROM new_rows n WHERE n.state = 'queued'
    ), queued AS MATERIALIZED (
        SELECT q.id, q.position
          FROM (SELECT array_agg('autoclient.payment_create' || CASE WHEN w.forecast THEN '_pred' ELSE '' END ORDER BY w.position) AS endpoints,
                       array_agg(w.request || jsonb_build_object('about', jsonb_build_object('payment', w.id)) ORDER BY w.position) AS args,
                       array_agg('payment:' || w.id ORDER BY w.position) AS subjects, array_agg(w.server ORDER BY w.position) AS servers
                  FROM wanted w HAVING count(*) > 0) c
         CROSS JOIN LATERAL unnest(k2bridge.enqueue_all(c.endpoints, c.args, c.subjects, c.servers)) WITH ORDINALITY AS q (id, position)
    )
    UPDATE autoclient.payment p SET call_id = q.id FROM queued q JOIN wanted w ON w.position = q.position WHERE p.id = w.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION autoclient.payments_inserted() IS
'Trigger of autoclient.payment: queues the calls that create the drafts. Rows inserted in another state than queued are history.';

CREATE FUNCTION autoclient.create_payment(payment jsonb, forecast boolean DEFAULT false, client_ref text DEFAULT NULL, server name DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION autoclient.create_payment(jsonb, boolean, text, name) IS
'Checks a payment, queues its creation and returns its id in autoclient.payment. The same client_ref with the same payment returns the same id.';
CREATE FUNCTION autoclient.create_payment_as_owner(payment jsonb, forecast boolean, client_ref text, server name) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made bigint;
    known autoclient.payment;
BEGIN
    INSERT INTO autoclient.payment (server, client_ref, request, forecast) VALUES ($4, $3, $1, coalesce($2, false))
        ON CONFLICT (client_ref) DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN
        SELECT p.* INTO known FROM autoclient.payment p WHERE p.client_ref = $3;
        IF known.request <> autoclient.check_payment($1) THEN
            RAISE EXCEPTION 'client_ref "%" belongs to another payment', $3 USING ERRCODE = 'unique_violation',
                DETAIL = format('It is payment %s.', known.id);
        END IF;
        made := known.id;
    END IF;
    RETURN made;
END
$$;
COMMENT ON FUNCTION autoclient.create_payment_as_owner(jsonb, boolean, text, name) IS 'Behind autoclient.create_payment.';

-- What the bank says.

CREATE FUNCTION autoclient.payment_created(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p autoclient.payment;
    known boolean;
BEGIN
    SELECT k.* INTO p FROM autoclient.payment k WHERE k.id = (call.args #>> '{about,payment}')::bigint FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- A deliberate second attempt that the bank calls a duplicate proves that the first one arrived (section 5.2).
    known := call.outcome = 'refused' AND call.error_code IN ('PMTMDL016', 'PMTMDL116') AND (p.state = 'uncertain' OR call.attempts > 1);
    UPDATE autoclient.payment k
       SET state = CASE WHEN k.ref IS NOT NULL THEN 'booked' WHEN call.outcome = 'ok' OR known THEN 'created'
                        WHEN call.outcome = 'refused' THEN 'refused' ELSE 'failed' END,
           payment_ref = coalesce(call.reply ->> 'payment_ref', k.payment_ref),
           payment_pack_ref = coalesce(call.reply ->> 'payment_pack_ref', k.payment_pack_ref),
           document = coalesce(call.reply -> 'payment_data', k.document),
           error_code = CASE WHEN call.outcome <> 'ok' THEN coalesce(call.error_code, call.outcome) END,
           error_text = CASE WHEN known THEN 'the bank had it already: ' || call.error_text WHEN call.outcome <> 'ok' THEN call.error_text END
     WHERE k.id = p.id;
END
$$;
COMMENT ON FUNCTION autoclient.payment_created(k2bridge.call_row) IS
'Handler of payment/create and create_pred: notes the references of the draft, or why there is none.';

CREATE FUNCTION autoclient.verify_payment(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE autoclient.payment p SET state = 'uncertain' WHERE p.id = (call.args #>> '{about,payment}')::bigint AND p.state = 'queued';
    PERFORM autoclient.match_uncertain(call.server);
    PERFORM k2bridge.settle_uncertain(call.id, false, jsonb_build_object('searched', 'statement', 'result', 'absent'))
      FROM autoclient.payment p WHERE p.id = (call.args #>> '{about,payment}')::bigint AND p.ref IS NULL;
END
$$;
COMMENT ON FUNCTION autoclient.verify_payment(k2bridge.call_row) IS
'Verification of a payment: the bank lists no drafts, so the statements here are searched; each page that arrives later is searched too.';

CREATE FUNCTION autoclient.match_uncertain(server name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT DISTINCT ON (p.id) p.id, p.call_id, t.acc, t.trantype, t.ref, t.refn, t.dlr
          FROM autoclient.payment p
          JOIN autoclient.transaction t
            ON t.server = p.server AND t.trantype = 'D' AND t.sum = p.amount AND t.num_doc = p.request ->> 'document_number'
           AND t.first_seen >= p.created_at AND t.dlr IS NOT NULL
           AND (right(t.aut_cntr_acc, 14) = right(p.request ->> 'recipient_account', 14) OR NOT p.request ? 'recipient_account')
           AND right(t.acc, 14) = right(p.request ->> 'payer_account', 14)
         WHERE p.server = $1 AND p.state = 'uncertain'
           AND NOT EXISTS (SELECT FROM autoclient.payment o WHERE o.server = p.server AND o.payment_pack_ref = t.dlr)
         ORDER BY p.id, t.dat_od, t.ref
    LOOP
        UPDATE autoclient.payment p
           SET state = 'booked', payment_pack_ref = found.dlr, acc = found.acc, trantype = found.trantype, ref = found.ref, refn = found.refn
         WHERE p.id = found.id;
        PERFORM k2bridge.settle_uncertain(found.call_id, true,
                    jsonb_build_object('searched', 'statement', 'ref', found.ref, 'refn', found.refn, 'dlr', found.dlr));
    END LOOP;
END
$$;
COMMENT ON FUNCTION autoclient.match_uncertain(name) IS
'Settles uncertain payments that a statement shows: same document number, amount and accounts, with a DLR that no other payment has.';

CREATE FUNCTION autoclient.payment_got(call k2bridge.call_row) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked bigint := (call.args #>> '{about,verify}')::bigint;
BEGIN
    IF call.outcome = 'ok' THEN
        UPDATE autoclient.payment p SET document = call.reply
         WHERE p.server = call.server AND p.payment_ref = call.args ->> 'ref';
    END IF;
    IF asked IS NOT NULL THEN
        PERFORM k2bridge.settle_uncertain(asked, call.outcome = 'refused' AND NOT coalesce(call.args -> 'about' ? 'sign', false),
                    jsonb_strip_nulls(jsonb_build_object('asked', call.outcome, 'status', call.reply -> 'payment_status',
                                                         'signed', call.reply -> 'level_sign', 'text', call.error_text)));
    END IF;
END
$$;
COMMENT ON FUNCTION autoclient.payment_got(k2bridge.call_row) IS
'Handler of payment/get: keeps the document; asked after an uncertain deletion, a draft that the bank no longer knows is deleted; asked after an uncertain signature, its levels are noted for a person.';

CREATE FUNCTION autoclient.verify_payment_delete(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue_verification(call, 'autoclient.payment_get', jsonb_build_object(
               'ref', call.args -> 'ref', 'about', jsonb_build_object('verify', call.id)))
$$;
COMMENT ON FUNCTION autoclient.verify_payment_delete(k2bridge.call_row) IS 'Verification of payment/delete: asks for the draft.';

CREATE FUNCTION autoclient.verify_payment_sign(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT k2bridge.enqueue_verification(call, 'autoclient.payment_get', jsonb_build_object(
               'ref', call.args -> 'ref', 'about', jsonb_build_object('verify', call.id, 'sign', true)))
$$;
COMMENT ON FUNCTION autoclient.verify_payment_sign(k2bridge.call_row) IS
'Verification of payment/add-sign: asks for the draft and notes which levels are signed. Whose signature that is the bank does not tell, so a person settles it.';

CREATE FUNCTION autoclient.payment_deleted(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.payment p SET state = 'deleted'
     WHERE call.outcome = 'ok' AND p.server = call.server AND p.payment_ref = call.args ->> 'ref' AND p.state = 'created'
$$;
COMMENT ON FUNCTION autoclient.payment_deleted(k2bridge.call_row) IS 'Handler of payment/delete.';

CREATE FUNCTION autoclient.payment_signed(call k2bridge.call_row) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE autoclient.payment p
       SET state = CASE WHEN p.state = 'created' THEN 'signed' ELSE p.state END, document = coalesce(call.reply, p.document)
     WHERE call.outcome = 'ok' AND p.server = call.server AND p.payment_ref = call.args ->> 'ref'
$$;
COMMENT ON FUNCTION autoclient.payment_signed(k2bridge.call_row) IS 'Handler of payment/add-sign: keeps the document with its levels of signature.';
