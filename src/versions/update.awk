# Turns the install script of this version into the script that updates the former one:
#   awk -f update.awk FORMER-INSTALL-SCRIPT begin.sql FORMER--THIS.sql THIS-INSTALL-SCRIPT
# Routines become CREATE OR REPLACE; types and the wrapper that the former version had are left out. Routines that this
# version no longer has are dropped by finish.sql. What that cannot do stands, by hand, in FORMER--THIS.sql.

function object() { return $2 == "FOREIGN" ? $2 " " $5 : $2 " " $3 }

FNR == 1 { file++ }
file == 1 { if (/^CREATE (TYPE|FOREIGN) /) former[object()] = 1; next }
/^\\echo Use "CREATE EXTENSION/ { next }
/^CREATE (TYPE|FOREIGN) / && (object() in former) { skipping = 1 }
skipping { if (/;[ \t]*$/) skipping = 0; next }
{ sub(/^CREATE FUNCTION /, "CREATE OR REPLACE FUNCTION "); sub(/^CREATE PROCEDURE /, "CREATE OR REPLACE PROCEDURE "); print }
