-- The calls to the core banking systems, O1 to O11 of wire/k2.md, and the read that verifies a registration.
-- What a bank tunes (enabled, priority, timeout, give_up_after, handler) is set once and never touched again.
INSERT INTO k2bridge.endpoint (name, server_type, method, url_option, body_kind, reply_family, delivery, priority,
                               handler, builder, verify, keep_reply, coalesces)
VALUES
    ('abs.get_cli', 'abs', 'GET', 'abs_get_cli_url', 'none', 'abs', 'at_least_once', 30,
     'abs.client_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.get_acc', 'abs', 'GET', 'abs_get_acc_url', 'none', 'abs', 'at_least_once', 30,
     'abs.accounts_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.get_acc_stmt_dt', 'abs', 'GET', 'abs_get_acc_stmt_dt_url', 'none', 'abs', 'at_least_once', 30,
     'abs.statement_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.get_pdf', 'abs', 'GET', 'abs_get_pdf_url', 'none', 'abs_file', 'at_least_once', 25,
     'abs.scan_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.reg_pt', 'abs', 'POST', 'abs_reg_pt_url', 'json', 'abs', 'at_most_once', 90,
     'abs.reg_pt_done', NULL, 'abs.verify_reg_pt', 'always', false),
    ('abs.refuse_pt', 'abs', 'POST', 'abs_refuse_pt_url', 'json', 'abs', 'at_most_once', 90,
     'abs.refuse_pt_done', NULL, NULL, 'always', false),
    ('abs.return_pt', 'abs', 'POST', 'abs_return_pt_url', 'json', 'abs', 'at_most_once', 90,
     'abs.return_pt_done', NULL, NULL, 'always', false),
    ('abs.verify_pt', 'abs', 'POST', 'get_all_pt_from_abs', 'json', 'abs_list', 'at_least_once', 95,
     'abs.verify_pt_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.colvir_get_loan_debt', 'abs', 'POST', 'colvir_get_loan_debt', 'json', 'abs_debt', 'at_least_once', 60,
     'abs.debt_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.way4_get_loan_debt', 'abs', 'POST', 'way4_get_loan_debt', 'json', 'abs_debt', 'at_least_once', 60,
     'abs.debt_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.get_all_pt', 'abs', 'POST', 'get_all_pt_from_abs', 'json', 'abs_list', 'at_least_once', 40,
     'abs.list_done', 'k2bridge.wire_args', NULL, 'not_ok', false),
    ('abs.post_all_loan_exclude_to_eko', 'abs', 'POST', 'post_all_loan_exclude_to_eko', 'json', 'abs', 'at_least_once', 70,
     'abs.exclusions_done', 'abs.exclusion_list', NULL, 'not_ok', true)
ON CONFLICT (name) DO UPDATE
   SET server_type = excluded.server_type, method = excluded.method, url_option = excluded.url_option,
       path = excluded.path, body_kind = excluded.body_kind, reply_family = excluded.reply_family,
       delivery = excluded.delivery, builder = excluded.builder, verify = excluded.verify,
       coalesces = excluded.coalesces;
