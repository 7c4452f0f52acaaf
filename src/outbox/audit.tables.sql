
-- What is audited: business rows and everything that steers the calls. Not what is a history itself (events, debts,
-- calls, inbox), nor copies of what the bank answered. A loan's figures and stamps change with every push and have
-- their own history in k2.loan_debt, with author and correlation.
SELECT k2bridge.audit_table(a.audited::regclass, a.key, a.ignored)
  FROM (VALUES
        ('k2.loan', 'id', 'debt, overdue_days, request_id, received_at, synced_at, debt_source'),
        ('k2.client', 'id', 'exclusions_changed_at'),
        ('k2.ext_account', 'id', ''),
        ('k2.extreq', 'code', 'updated_at, updated_by'),
        ('k2.extreq_pay', 'trn_id', ''),
        ('k2.req', 'refer', 'updated_at, updated_by'),
        ('k2.loan_exclude', 'iin, dbz_num', ''),
        ('k2.exclusion', 'id', ''),
        ('k2.rzap', 'refer', ''),
        ('k2.rzap_item', 'id', ''),
        ('k2.file', 'id', ''),
        ('k2.system', 'code', ''),
        ('k2.currency', 'code', ''),
        ('k2.bank', 'bic', ''),
        ('k2.return_reason', 'code', ''),
        ('k2.extreq_stat', 'id', ''),
        ('k2.req_stat', 'id', ''),
        ('k2.knp', 'code', ''),
        ('k2.app_user', 'id', ''),
        ('k2.reg', 'id', ''),
        ('k2.transit_account', 'code', ''),
        ('k2.extreq_prefix', 'prefix', ''),
        ('autoclient.company', 'server', ''),
        ('autoclient.account', 'server, acc', 'name, currency, state, final_through, walked_through, resume_from, resume_through, '
            'backfill_since, backfill_from, rechecked_at, last_poll, last_error'),
        ('autoclient.payment', 'id', 'document, updated_at'),
        ('k2bridge.endpoint', 'name', ''),
        ('k2bridge.service', 'name', ''),
        ('k2bridge.api_client', 'name', ''),
        ('k2bridge.schedule', 'name', 'last_run, last_outcome, last_duration, next_run'),
        ('k2bridge.paused', 'id', ''),
        ('k2bridge.activation', 'singleton', '')) AS a (audited, key, ignored);
