// Definition of every setting, in the order of surface section 1.
#include "settings.hpp"
#include "pg/pg.hpp"

extern "C" {
#include "utils/varlena.h"
#include "pgtime.h"
}

#include <climits>

namespace settings
{

char *databases;
int listen_port;
char *listen_addresses;
int listeners = 2;
char *tls_cert_file, *tls_key_file, *tls_ca_file;
char *trusted_proxies;
char *public_url;
int max_request_size = 32 * 1024;
int max_reply_size = 64 * 1024;
int request_timeout = 30000;
int retention;
int retention_reads = 30 * 24 * 3600;
char *timezone;
int max_debt_age = 24 * 3600;
bool check_iin, check_iban;
bool enqueue = true;
bool trust_promotion;
int lock_timeout = 1000;
int statement_timeout = 10000;

namespace
{

bool check_list(char **value, void **, GucSource)
{
    char *copy = pstrdup(*value ? *value : "");
    List *names;
    const bool valid = SplitGUCList(copy, ',', &names);
    if (!valid)
        GUC_check_errdetail("List syntax is invalid.");
    else
        list_free(names);
    pfree(copy);
    return valid;
}

bool check_zone(char **value, void **, GucSource)
{
    if (pg_tzset(*value) == nullptr) {
        GUC_check_errdetail("\"%s\" is not a time zone.", *value);
        return false;
    }
    return true;
}

void text(const char *name, const char *what, char **value, const char *start, GucContext context,
          int flags = 0, GucStringCheckHook check = nullptr)
{
    DefineCustomStringVariable(name, what, nullptr, value, start, context, flags, check, nullptr, nullptr);
}

void number(const char *name, const char *what, int *value, int low, int high, GucContext context,
            int flags = 0)
{
    DefineCustomIntVariable(name, what, nullptr, value, *value, low, high, context, flags, nullptr, nullptr,
                            nullptr);
}

void flag(const char *name, const char *what, bool *value, GucContext context)
{
    DefineCustomBoolVariable(name, what, nullptr, value, *value, context, 0, nullptr, nullptr, nullptr);
}

} // namespace

void define()
{
    text("k2bridge.databases", "Databases that the workers serve.", &databases, "", PGC_SIGHUP,
         GUC_LIST_INPUT, check_list);
    number("k2bridge.listen_port", "Port of the HTTP listener, 0 for none.", &listen_port, 0, 65535,
           PGC_SUSET);
    text("k2bridge.listen_addresses", "Addresses of the HTTP listener.", &listen_addresses, "localhost",
         PGC_SUSET);
    number("k2bridge.listeners", "Number of listener processes.", &listeners, 1, 64, PGC_SUSET);
    text("k2bridge.tls_cert_file", "Certificate file of the listener.", &tls_cert_file, "", PGC_SUSET,
         GUC_SUPERUSER_ONLY);
    text("k2bridge.tls_key_file", "Private key file of the listener.", &tls_key_file, "", PGC_SUSET,
         GUC_SUPERUSER_ONLY);
    text("k2bridge.tls_ca_file", "CA file that signs the required client certificates.", &tls_ca_file, "",
         PGC_SUSET, GUC_SUPERUSER_ONLY);
    text("k2bridge.trusted_proxies", "Networks whose X-Forwarded-For counts.", &trusted_proxies, "",
         PGC_SUSET);
    text("k2bridge.public_url", "Start of the file addresses given to others.", &public_url, "", PGC_SUSET);
    number("k2bridge.max_request_size", "Largest inbound request.", &max_request_size, 1, MAX_KILOBYTES,
           PGC_SIGHUP, GUC_UNIT_KB);
    number("k2bridge.max_reply_size", "Largest reply of a call.", &max_reply_size, 1, MAX_KILOBYTES,
           PGC_SIGHUP, GUC_UNIT_KB);
    number("k2bridge.request_timeout", "Time for one inbound request to arrive.", &request_timeout, 100,
           INT_MAX, PGC_SIGHUP, GUC_UNIT_MS);
    number("k2bridge.retention",
           "Age at which history of money, inbound payloads and audit goes, 0 for never.", &retention, 0,
           INT_MAX, PGC_SIGHUP, GUC_UNIT_S);
    number("k2bridge.retention_reads", "Age at which the history of reads goes, 0 for never.",
           &retention_reads, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S);
    text("k2bridge.timezone", "What \"today\" and the wire's local times mean.", &timezone, "Asia/Almaty",
         PGC_SUSET, 0, check_zone);
    number("k2bridge.max_debt_age", "Debts older than this cannot be claimed.", &max_debt_age, 0, INT_MAX,
           PGC_SUSET, GUC_UNIT_S);
    flag("k2bridge.check_iin", "Enforce the check digit of IIN on inbound data.", &check_iin, PGC_SUSET);
    flag("k2bridge.check_iban", "Enforce mod-97 of IBAN on inbound data.", &check_iban, PGC_SUSET);
    flag("k2bridge.enqueue", "Off: triggers keep rules and history but queue nothing.", &enqueue,
         PGC_USERSET);
    flag("k2bridge.trust_promotion", "Do not hold back at_most_once calls after a promotion.",
         &trust_promotion, PGC_SIGHUP);
    number("k2bridge.lock_timeout", "lock_timeout of what the workers run.", &lock_timeout, 0, INT_MAX,
           PGC_SIGHUP, GUC_UNIT_MS);
    number("k2bridge.statement_timeout", "statement_timeout of what the workers run.", &statement_timeout, 0,
           INT_MAX, PGC_SIGHUP, GUC_UNIT_MS);
    MarkGUCPrefixReserved("k2bridge");
}

} // namespace settings
