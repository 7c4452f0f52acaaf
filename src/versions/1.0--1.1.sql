-- From 1.0 to 1.1: what replacing every routine cannot do, run before that (see src/README.md, "Versions"): routines whose
-- result, parameter names or defaults changed are dropped here, types altered, views that stand in the way dropped.
ALTER TYPE k2bridge.trace_scope ADD ATTRIBUTE payments bigint[];
DROP FUNCTION k2bridge.trace_finished(k2bridge.trace_scope, text[]);
