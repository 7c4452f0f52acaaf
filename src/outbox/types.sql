-- The row of a call as functions return it and handlers receive it.

CREATE TYPE k2bridge.call_row AS (
    id           bigint,
    endpoint     text,
    server       name,
    subject      text,
    args         jsonb,
    outcome      text,
    attempts     integer,
    http_status  integer,
    error_code   text,
    error_text   text,
    reply        jsonb,
    sent_as      bigint,
    resent_from  bigint,
    correlation  uuid,
    created_at   timestamptz,
    created_by   name,
    finished_at  timestamptz,
    duration     interval,
    content      bytea,
    content_type text,
    file_name    text
);
COMMENT ON TYPE k2bridge.call_row IS
'A finished call: columns of k2bridge.call, plus content, content_type and file_name of a binary reply, which only the handler sees.';
