-- Triggers that queue calls. Within one event triggers fire by name: these after those that record what happened.
CREATE OR REPLACE TRIGGER queue_dossier AFTER INSERT ON k2.loan REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.loan_inserted');
CREATE OR REPLACE TRIGGER queue_dossier_again AFTER UPDATE ON k2.loan REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.loan_updated');
CREATE OR REPLACE TRIGGER queue_dossiers AFTER INSERT ON k2.system REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.system_known');
CREATE OR REPLACE TRIGGER queue_registration AFTER INSERT ON k2.req REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.req_inserted');
CREATE OR REPLACE TRIGGER withdraw AFTER UPDATE ON k2.req REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.req_withdrawn');
CREATE OR REPLACE TRIGGER queue_push_of_new AFTER INSERT ON k2.exclusion REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.exclusions_changed');
CREATE OR REPLACE TRIGGER queue_push_of_changed AFTER UPDATE ON k2.exclusion REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION k2bridge.owner_trigger('abs.exclusions_changed');
