-- Calling now, and waiting for what was queued.

CREATE FUNCTION k2bridge.invoke_as_owner(endpoint text, args jsonb, server name) RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_invoke';
CREATE FUNCTION k2bridge.invoke(endpoint text, args jsonb, server name DEFAULT NULL) RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.invoke(text, jsonb, name) IS
'Calls an at_least_once endpoint now, in this backend, and applies its handler. Raises KB001 when the bank refuses, KB002 when there is no usable reply, KB004 when outbound calls are not activated here.';
COMMENT ON FUNCTION k2bridge.invoke_as_owner(text, jsonb, name) IS 'Does the work of k2bridge.invoke.';

CREATE FUNCTION k2bridge.wait_as_owner(id bigint, timeout interval) RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_wait';
CREATE FUNCTION k2bridge.wait(id bigint, timeout interval DEFAULT '30s') RETURNS k2bridge.call_row
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_door';
COMMENT ON FUNCTION k2bridge.wait(bigint, interval) IS
'Waits for a call committed earlier and returns it; a call that has not ended in time, or waits for a person, comes with its state (queued, sending, answered, uncertain, failed) as outcome. 25001 in the transaction that queued it, 55000 without a dispatcher, 02000 for an unknown id.';
COMMENT ON FUNCTION k2bridge.wait_as_owner(bigint, interval) IS 'Does the work of k2bridge.wait.';

-- No SET clause: a procedure with one could not commit.
CREATE PROCEDURE k2bridge.deliver(endpoint text, args jsonb, subject text DEFAULT NULL, server name DEFAULT NULL,
                                  INOUT id bigint DEFAULT NULL)
    LANGUAGE plpgsql AS $$
BEGIN
    id := k2bridge.enqueue(endpoint, args, subject, server);
    COMMIT;
    PERFORM k2bridge.wait(id);
END
$$;
COMMENT ON PROCEDURE k2bridge.deliver(text, jsonb, text, name, bigint) IS
'Queues a call, commits, and waits for its end (30 s); returns its id, to be looked up in k2bridge.call.';
