-- Putting calls into the queue.

CREATE FUNCTION k2bridge.enqueue(endpoint text, args jsonb, subject text DEFAULT NULL, server name DEFAULT NULL,
                                 due_at timestamptz DEFAULT now()) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_enqueue';
COMMENT ON FUNCTION k2bridge.enqueue(text, jsonb, text, name, timestamptz) IS
'Queues a call within the current transaction and returns its id; calls of one subject are sent in order. Null while k2bridge.enqueue is off.';

CREATE FUNCTION k2bridge.enqueue_all(endpoints text[], args jsonb[], subjects text[], servers name[],
                                     due_at timestamptz DEFAULT now()) RETURNS bigint[]
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'k2bridge_enqueue_all';
COMMENT ON FUNCTION k2bridge.enqueue_all(text[], jsonb[], text[], name[], timestamptz) IS
'Queues many calls in one statement; the arrays run in parallel. Returns the ids in the same order.';

CREATE FUNCTION k2bridge.call_counted() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_call_counted';
COMMENT ON FUNCTION k2bridge.call_counted() IS 'Trigger: counts finished calls by endpoint and outcome for k2bridge.metrics().';
