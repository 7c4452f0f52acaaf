# Order of the SQL files: members of the extension first, then what k2bridge.setup() creates.
SQL_MEMBERS = \
    src/setup.sql \
    src/pg/identity.sql \
    src/pg/access.sql \
    src/outbox/types.sql \
    src/outbox/audit.sql \
    src/outbox/queue.sql \
    src/schedule/schedule.sql \
    src/schedule/maintenance.sql \
    src/schedule/status.sql \
    src/outbox/server.sql \
    src/outbox/operations.sql \
    src/outbox/direct.sql \
    src/outbox/views.sql \
    src/k2/answer.sql \
    src/k2/batch.sql \
    src/k2/loan.sql \
    src/k2/exclusion.sql \
    src/k2/rejected.sql \
    src/k2/req.sql \
    src/k2/req_service.sql \
    src/k2/rzap.sql \
    src/listener/listener.sql \
    src/k2/extreq.sql \
    src/k2/extreq_rules.sql \
    src/k2/extreq_service.sql \
    src/k2/payment.sql \
    src/abs/types.sql \
    src/abs/reply.sql \
    src/abs/calls.sql \
    src/abs/dossier.sql \
    src/abs/dossier_handlers.sql \
    src/abs/loan_triggers.sql \
    src/abs/request.sql \
    src/abs/list.sql \
    src/abs/verify.sql \
    src/abs/exclusions.sql \
    src/abs/read_wrappers.sql \
    src/abs/list_wrappers.sql \
    src/abs/queued_wrappers.sql

SQL_TABLES = \
    src/setup.tables.sql \
    src/outbox/endpoint.tables.sql \
    src/outbox/server.tables.sql \
    src/outbox/outbox.tables.sql \
    src/outbox/history.tables.sql \
    src/outbox/state.tables.sql \
    src/listener/service.tables.sql \
    src/schedule/schedule.tables.sql \
    src/schedule/maintenance.tables.sql \
    src/schedule/status.tables.sql \
    src/k2/dictionary.tables.sql \
    src/k2/loan.tables.sql \
    src/k2/exclusion.tables.sql \
    src/k2/rzap.tables.sql \
    src/k2/req.tables.sql \
    src/k2/extreq.tables.sql \
    src/k2/payment.tables.sql \
    src/abs/abs.tables.sql \
    src/k2/dossier.tables.sql \
    src/abs/endpoint.tables.sql \
    src/abs/triggers.tables.sql \
    src/k2/discrepancy.tables.sql \
    src/outbox/views.tables.sql
