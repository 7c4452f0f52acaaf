// The settings of k2bridge (surface section 1), defined once in the postmaster or at first load.
// Units: sizes in bytes on the wire but kB in the variable, durations in milliseconds unless said otherwise.
#pragma once

namespace settings
{

extern char *databases; // comma-separated names of the databases that workers serve
extern int listen_port; // 0: no listener
extern char *listen_addresses;
extern int listeners; // listener processes per database
extern char *tls_cert_file, *tls_key_file, *tls_ca_file;
extern char *trusted_proxies; // networks whose X-Forwarded-For counts
extern char *public_url;      // start of the file URLs; empty: http://127.0.0.1:<port>
extern int max_request_size;  // kB
extern int max_reply_size;    // kB
extern int request_timeout;   // ms
extern int retention;         // seconds; 0: for ever
extern int retention_reads;   // seconds; 0: for ever
extern char *timezone;
extern int max_debt_age; // seconds
extern bool check_iin, check_iban;
extern bool enqueue;
extern bool trust_promotion;
extern int lock_timeout;      // ms, of what workers run
extern int statement_timeout; // ms, of what workers run

void define();

} // namespace settings
