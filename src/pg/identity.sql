-- Who acts: doors to the owner's rights, the caller, the API client, the correlation.

CREATE FUNCTION k2bridge.owner_trigger() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'k2bridge_owner_trigger';
COMMENT ON FUNCTION k2bridge.owner_trigger() IS
'Trigger: runs the extension''s trigger function named by the first argument with the rights of the table''s owner.';

CREATE FUNCTION k2bridge.caller() RETURNS name
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_caller';
COMMENT ON FUNCTION k2bridge.caller() IS
'The role that acts: the current user before any function of k2bridge switched to the owner of the tables.';

CREATE FUNCTION k2bridge.client() RETURNS name
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'k2bridge_client';
COMMENT ON FUNCTION k2bridge.client() IS
'The API client whose request is being served, null outside the listener.';

CREATE FUNCTION k2bridge.correlation() RETURNS uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'k2bridge_correlation';
COMMENT ON FUNCTION k2bridge.correlation() IS
'The correlation of what happens now: one per inbound request or top-level transaction.';
