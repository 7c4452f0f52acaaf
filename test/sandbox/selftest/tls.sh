# HTTPS, client certificates, faults below TLS. Sourced by selftest.sh.
make_certificates() {
    cd "$work" || exit 1
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj '/CN=Sandbox CA' -days 2
    for name in server client; do
        openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj "/CN=$name"
        openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $name.pem -days 2 \
            -extfile <(printf 'subjectAltName=IP:127.0.0.1')
    done
}
(make_certificates) >/dev/null 2>&1

start_bank --tls "$work/server.pem" "$work/server.key"
url=https://${base#http://}
cli='/abs/get_cli?iinbin=000000000000'
base=$url
alias_curl() { curl --cacert "$work/ca.pem" "$@"; }
is "HTTPS" 200 "$(status --cacert "$work/ca.pem" "$url$cli")"
is "HTTPS is verified" 60 "$(code "$url$cli")"
tls_faults() { alias_curl -s -m 20 -d "{\"rules\":[$1]}" "$url/_/faults" >/dev/null; }
tls_faults '{"kind":"reset_after"}'
is "reset under TLS" 56 "$(code --cacert "$work/ca.pem" "$url$cli")"
tls_faults '{"kind":"truncate"}'
like "truncated under TLS" '*{"error_text"*' "$(code --cacert "$work/ca.pem" "$url$cli"; cat "$work/body")"
tls_faults '{"kind":"drip","interval_ms":1,"bytes":30}'
is "drip under TLS" 0 "$(alias_curl -s -m 20 "$url$cli" | jq .error_code)"
tls_faults '{"kind":"garbage"}'
is "garbage under TLS" 1 "$(code --cacert "$work/ca.pem" "$url$cli")"
stop_bank TLS

start_bank --tls "$work/server.pem" "$work/server.key" --client-ca "$work/ca.pem"
url=https://${base#http://}
is "no client certificate" 403 "$(status --cacert "$work/ca.pem" "$url$cli")"
is "client certificate" 200 "$(status --cacert "$work/ca.pem" --cert "$work/client.pem" --key "$work/client.key" "$url$cli")"
stop_bank "client certificates"
