# The Autoclient half: payments, their rules and their life; faults and the journal. Sourced by selftest.sh.
start_bank
other=UA823052990000026000074412860
# payment [JQ-CHANGE]: the body of a payment
payment() {
    jq -nc --arg my "$my" "{document_number: \"1\", payer_account: \$my, recipient_account: \"UA143052990000026008050000001\", recipient_nceo: \"34554355\",
        payment_naming: \"ТОВ \\\"Ґанок\\\"\", payment_amount: \"10.10\", payment_destination: \"Оплата за товар № 1\"} | ${1:-.}"
}
create() { ac /api/proxy/payment/create --data-binary "$(payment "$@")"; }
# broken NAME JQ-CHANGE TEXT
broken() { like "$1" "400 400 $3" "$(ac_error /api/proxy/payment/create --data-binary "$(payment "$2")")"; }

for field in document_number payer_account recipient_account recipient_nceo payment_naming payment_amount payment_destination; do
    broken "without $field" "del(.$field)" "Mandatory parameter is absent: $field PMTSRV0100"
    broken "empty $field" ".$field = \"\"" "Mandatory parameter is absent: $field PMTSRV0100"
done
broken "unknown field" '.x = "1"' 'Unknown field x PMTSRV02007'
broken "number as amount" '.payment_amount = 10.10' 'payment_amount: must be a string PMTSRV0000'
for amount in 0 0.00 -1 1.001 1e3 1,5 ''x; do
    broken "amount $amount" ".payment_amount = \"$amount\"" 'payment_amount: * PMTSRV0110'
done
broken "foreign payer" '.payer_account = "UA283052990000026000074412862"' 'payer_account: * PMTSRV0101'
broken "bad payer" '.payer_account = "x"' '* PMTSRV0117'
broken "bad recipient account" '.recipient_account = "UA1"' '* PMTSRV0113'
broken "card and account" '.recipient_card = "4149000000000004"' '* PMTMDL0016'
broken "bad card" 'del(.recipient_account) | .recipient_card = "1"' '* PMTSRV03001'
broken "card without check digit" 'del(.recipient_account) | .recipient_card = "4149000000000001"' '* PMTSRV03002'
broken "bad recipient code" '.recipient_nceo = "12"' '* PMTSRV0114'
broken "recipient without a code" '.recipient_nceo = "0000000000"' '* PMTMDL018'
broken "bad passport number" '.recipient_document_number = "1"' '* PMTSRV03003'
broken "bad passport series" '.recipient_document_series = "AB"' '* PMTSRV03004'
broken "bad ID card" '.recipient_document_id_number = "1"' '* PMTSRV03006'
broken "bad bank code" '.recipient_ifi = "1"' '* PMTSRV0116'
broken "short purpose" '.payment_destination = "абвг"' '* PMTSRV0111'
broken "long purpose" '.payment_destination = "ї" * 421' '* PMTSRV0111'
broken "long purpose of a tax" '.payment_destination = "ї" * 141 | .recipient_ifi = "899998"' '* PMTSRV0111'
broken "other currency" '.payment_ccy = "USD"' '* PMTSRV0123'
broken "document type" '.document_type = "xx"' '* PMTSRV0103'
broken "ISO date" '.payment_date = "2026-03-02"' '* PMTSRV0119'
broken "no such value date" '.payment_accept_date = "30.02.2026"' '* PMTSRV0118'
broken "struct_type" '.struct_type = "1"' '* PMTMDL038'
broken "struct_category" '.struct_category = ""' '* PMTSRV1111'
broken "payer_ultmt_nceo" '.payer_ultmt_nceo = "1"' 'payer_ultmt_nceo: *'
is "not JSON" '400 PMTSRV0000' "$(ac_error /api/proxy/payment/create --data-binary '{' | sed 's/^400 400 .* /400 /')"
is "nothing was created" '[0,0]' "$(query ac/payments '[.created, .drafts]')"

one=$(create . | jq -c .)
is "duplicate by hash" '400 400 Duplicate payment by hash PMTMDL116' "$(ac_error /api/proxy/payment/create --data-binary "$(payment)")"
is "duplicate by number" '400 400 Duplicate payment by document number PMTMDL016' "$(ac_error /api/proxy/payment/create --data-binary "$(payment '.payment_amount = "5"')")"
ref=$(query ac/payments '.payments[0].payment_ref')
packed=$(query ac/payments '.payments[0].payment_pack_ref')
is "the truth counts drafts" "1 1" "$(truth "" .drafts) $(query ac/totals .drafts)"
is "one draft" '[1,1,"new"]' "$(query ac/payments '[.created, .drafts, .payments[0].state]')"
two=$(ac /api/proxy/payment/create_pred -w '%{http_code}' --data-binary "$(payment '.document_number = "2" | .recipient_account = "'$other'"')")
is "created with forecast" 201 "${two: -3}"
two=${two::-3}
is "the answer carries the document" '[true,true,"true","new"]' \
    "$(jq -c '[(.payment_ref | test("^[0-9]{19}$")), (.payment_pack_ref | length > 8), .payment_data.checked_on_pred, .payment_data.payment_status]' <<<"$two")"
is "get" '["'$ref'","new","n","10.10",{"1_sign_level":false},31,"v3.5.0","ТОВ \"Ґанок\""]' "$(ac "/api/proxy/payment/get?ref=$ref" |
    jq -c '[.id, .payment_status, .payment_status_short, .payment_amount, .level_sign, (.fields_for_sign.fields | length), .fields_for_sign.version, .payment_naming]')"
is "get of an unknown one" '400 400 Payment is not found: 1 PMTSRV0000' "$(ac_error '/api/proxy/payment/get?ref=1')"
is "a draft moves nothing" 0 "$(ac_rows transactions/interim "acc=$my&limit=100" | grep -c "$packed")"
is "sign wants base64" '400 400 sign must be base64 PMTSRV0100' "$(ac_error "/api/proxy/payment/add-sign?ref=$ref" --data-binary '{"sign":"?"}')"
is "signed" '[true,"paid"]' "$(ac "/api/proxy/payment/add-sign?ref=$ref" --data-binary '{"sign":"c2lnbg=="}' | jq -c '[.level_sign["1_sign_level"], .payment_status]')"
is "in the statement by DLR" '["D","10.10","1","Оплата за товар № 1","34554355","ТОВ \"Ґанок\""]' \
    "$(ac_rows transactions/interim "acc=$my&limit=100" | jq -c --arg dlr "$packed" 'select(.DLR == $dlr) | [.TRANTYPE, .SUM, .NUM_DOC, .OSND, .AUT_CNTR_CRF, .AUT_CNTR_NAM]')"
is "a paid one cannot be deleted" '400 400 Payment cannot be deleted PMTMDL004' "$(ac_error "/api/proxy/payment/delete?ref=$ref" -X POST)"
is "nor signed again" '400 400 Payment cannot be signed PMTMDL004' "$(ac_error "/api/proxy/payment/add-sign?ref=$ref" --data-binary '{"sign":"c2lnbg=="}')"
control ac/pay "{\"ref\":$(jq .payment_ref <<<"$two")}"
is "paid in the cabinet, to an own account: both sides" '[["C","'$other'"],["D","'$my'"]]' \
    "$(ac_rows transactions/interim limit=100 | jq -sc --argjson two "$two" '[.[] | select(.DLR == $two.payment_pack_ref) | [.TRANTYPE, .AUT_MY_ACC]] | sort')"
three=$(create '.document_number = "3"' | jq -r .payment_ref)
is "delete" '204 0' "$(ac "/api/proxy/payment/delete?ref=$three" -X POST -o "$work/body" -w '%{http_code} %{size_download}')"
is "deleted is unknown" 400 "$(ac "/api/proxy/payment/get?ref=$three" -o /dev/null -w '%{http_code}')"
is "and its number is free again" 201 "$(ac /api/proxy/payment/create -o /dev/null -w '%{http_code}' --data-binary "$(payment '.document_number = "3"')")"
is "a payment to a card" '4149 **** **** 0004 Оплата за товар № 1' "$(card=$(create '.document_number = "4" | del(.recipient_account) | .recipient_card = "4149000000000004"')
    control ac/pay "{\"ref\":$(jq .payment_ref <<<"$card")}"
    ac_rows transactions/interim "acc=$my&limit=100" | jq -r --argjson p "$card" 'select(.DLR == $p.payment_pack_ref).OSND')"
is "a body in cp1251" 201 "$(payment '.document_number = "5"' | iconv -t windows-1251 | ac_type=application/json ac /api/proxy/payment/create -o /dev/null -w '%{http_code}' --data-binary @-)"
is "is read as such" 'ТОВ "Ґанок"' "$(query ac/payments '.payments[-1].fields.payment_naming')"
is "UTF-8 that is none" '400 400 The body is not in utf8' "$(payment | iconv -t windows-1251 | ac_error /api/proxy/payment/create --data-binary @-)"
is "counted" '[6,2,["paid","paid","deleted","new","paid","new"]]' "$(query ac/payments '[.created, .drafts, [.payments[].state]]')"

control ac/bank '{"companies":[{"signatures":2}],"tokens":[{"token":"token-1"},{"token":"director","level":2}],"payment_data":false}'
one=$(create . | jq -r .payment_ref)
is "without the document" '["payment_pack_ref","payment_ref"]' "$(create '.document_number = "2"' | jq -c keys)"
is "the first of two signatures" '[true,false,"new"]' "$(ac "/api/proxy/payment/add-sign?ref=$one" --data-binary '{"sign":"c2lnbg=="}' | jq -c '[.level_sign[], .payment_status]')"
is "a signed one cannot be deleted" '400 400 Payment cannot be deleted PMTMDL004' "$(ac_error "/api/proxy/payment/delete?ref=$one" -X POST)"
is "the second" '[true,true,"paid"]' "$(ac_token=director ac "/api/proxy/payment/add-sign?ref=$one" --data-binary '{"sign":"c2lnbg=="}' | jq -c '[.level_sign[], .payment_status]')"

faults '{"kind":"reset_after","path":"/api/proxy/payment","count":1}'
is "a payment whose answer is lost" 000 "$(ac /api/proxy/payment/create -o /dev/null -w '%{http_code}' --data-binary "$(payment '.document_number = "9"')")"
is "is there" '["9","new"]' "$(query ac/payments '.payments[-1] | [.fields.document_number, .state]')"
is "and sent again a duplicate" '400 400 Duplicate payment by hash PMTMDL116' "$(ac_error /api/proxy/payment/create --data-binary "$(payment '.document_number = "9"')")"
is "arrived twice, processed once" '[2,1]' "$(control reset ''; control ac/bank '{}'
    faults '{"kind":"status","status":502,"count":1,"path":"/api/proxy/payment"}'
    for _ in 1 2; do create . >/dev/null; done; query 'count?path=/api/proxy/payment/create' '[.received, .processed]')"
faults '{"kind":"refusal","error_text":"Немає коштів","service_code":"PL0207"}'
is "refusal of the gateway family" '400 400 Немає коштів PL0207' "$(ac_error /api/statements/settings)"
is "in the charset asked for" 'Немає коштів' "$(ac_type=application/json ac /api/statements/settings | iconv -f windows-1251 | jq -r .message)"
is "refusal of the edoc family" '["VE005","Немає коштів"]' "$(faults '{"kind":"refusal","error_text":"Немає коштів"}' ; ac /api/proxy/edoc/journal/all --data-binary '{}' | jq -c '[.code, .message]')"
is "refusal of the eo family" '["error","Отказ по правилу"]' "$(faults '{"kind":"refusal"}'; ac /api/proxy/eo/documents/create | jq -c '[.result, .error_message]')"
is "refusal of the salary family" '["err","V_BAD_PARAM"]' "$(ac /api/pay/mp/list-groups | jq -c '[.status, .error.code]')"
is "refusal of the pay-sheets family" '["ERROR","TABNUM_ERR"]' "$(faults '{"kind":"refusal","service_code":"TABNUM_ERR"}'; ac /api/paysheets/journal | jq -c '[.status, .serviceCode]')"
faults '{"kind":"refusal","status":200}'
is "HTTP 200 with status ERROR" '200 ERROR' "$(ac /api/statements/settings -o "$work/ac" -w '%{http_code} '; jq -r .status "$work/ac")"
faults '{"kind":"pass","process":"never"}'
is "a bank that says yes and does nothing" '{"STATUS":"SUCCESS"}' "$(ac '/api/proxy/edoc/journal/delete/1?okpo=1')"
faults '{"kind":"truncate"}'
is "truncated pages" 18 "$(limit=20 code -H "token: token-1" -H "Content-Type: $ac_type" "$base/api/statements/transactions/interim")"
faults '{"kind":"bad_text","what":"nul","field":"OSND"}'
like "bad text in a row" '*"OSND":"a\\u0000b"*' "$(ac /api/statements/transactions/interim)"
stop_bank "Autoclient payments"

start_bank --journal "$work/journal-ac"
control ac/bank '{"seed":3}'
control ac/advance '{"days":2}'
create . >/dev/null
create '.document_number = "2"' >/dev/null
is "no token in the journal" 0 "$(grep -c 'token-1' "$work/journal-ac")"
kept=$(truth '' . | md5sum)
disown "$bank_pid"
kill -KILL "$bank_pid"
while kill -0 "$bank_pid" 2>/dev/null; do sleep 0.05; done
bank_pid=
start_bank --journal "$work/journal-ac"
is "payments survive" '[2,2]' "$(query ac/payments '[.created, .drafts]')"
is "the books too" "$kept" "$(truth '' . | md5sum)"
stop_bank "Autoclient journal"
