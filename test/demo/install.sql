-- A database of К2 as the README installs it: extension by the superuser, tables owned by a role that is no superuser,
-- the bank's addresses as a server, its token in a file. Variables: token_file and one address per call.
CREATE EXTENSION k2bridge;
SELECT k2bridge.allow_setup('k2_owner');
CREATE SERVER abs TYPE 'abs' FOREIGN DATA WRAPPER k2bridge OPTIONS (
    abs_get_cli_url :'get_cli', abs_get_acc_url :'get_acc', abs_get_acc_stmt_dt_url :'get_acc_stmt_dt',
    abs_get_pdf_url :'get_pdf', abs_reg_pt_url :'reg_pt', abs_refuse_pt_url :'refuse_pt',
    abs_return_pt_url :'return_pt', colvir_get_loan_debt :'colvir', way4_get_loan_debt :'way4',
    get_all_pt_from_abs :'get_all_pt', post_all_loan_exclude_to_eko :'eko');
CREATE USER MAPPING FOR PUBLIC SERVER abs OPTIONS (bearer_file :'token_file');
SET ROLE k2_owner;
SELECT k2bridge.setup();
