# The Autoclient half beyond statements and payments: group, rates, documents, salary, cards. Sourced by selftest.sh.
start_bank
# ac_post PATH BODY [CURL-ARGUMENTS...]
ac_post() {
    local path=$1 body=$2
    shift 2
    ac "$path" --data-binary "$body" "$@"
}
# ac_wrong NAME PATH BODY TEXT: refused by the gateway family
ac_wrong() { is "$1" "$4" "$(ac_error "$2" --data-binary "$3")"; }

is "group mode needs an id" '400 400 id is not be null' "$(ac_token=group-token ac_error /api/statements/balance/final)"
is "no id without group mode" '400 400 Id in mode for companies should not be present' "$(ac_error '/api/statements/balance/final?id=44000001')"
is "nor as a header" '400 400 Id in mode for companies should not be present' "$(ac_error /api/statements/balance/final -H 'id: 44000001')"
is "id as query" 2 "$(ac_token=group-token ac '/api/statements/balance/final?id=44000002' | jq '.balances | length')"
is "ID as query" 3 "$(ac_token=group-token ac '/api/statements/balance/final?ID=44000001' | jq '.balances | length')"
is "id as header" 2 "$(ac_token=group-token ac /api/statements/balance/final -H 'id: 44000002' | jq '.balances | length')"
is "query before header" 3 "$(ac_token=group-token ac '/api/statements/balance/final?id=44000001' -H 'id: 44000002' | jq '.balances | length')"
is "unknown id" '400 400 id is not in the group' "$(ac_token=group-token ac_error '/api/statements/balance/final?id=1')"
is "clients in group" '{"clients_in_group":["44000001","44000002"]}' "$(ac_token=group-token ac /api/account/get-clients-ingroup)"
is "clients in group without group mode" '400 400 The application is not in group mode' "$(ac_error /api/account/get-clients-ingroup)"
is "the old pair" 200 "$(ac_token=old-token-1 ac /api/statements/settings -H 'id: app-1' -o /dev/null -w '%{http_code}')"
is "the old pair without its id" '401 401 Unauthorized' "$(ac_token=old-token-1 ac_error /api/statements/settings)"
control ac/tokens '{"name":"company 1","services":["payments"]}'
is "restricted token" '403 403 The service is not allowed for this application' "$(ac_error /api/statements/balance/final)"
control ac/tokens '{"name":"company 1","unrestricted":true,"enabled":false}'
is "token switched off" '403 403 The application is switched off' "$(ac_error /api/statements/balance/final)"
control ac/tokens '{"name":"company 1","enabled":true}'

is "rates" '["02-03-2026 10:00:49",true,true]' \
    "$(ac /api/proxy/currency/ | jq -c '[.USD.B.date, (.EUR.S.rate | test("^[0-9]+[.][0-9]{7}$")), (.cache_info | has("from_cache"))]')"
is "rate history" '[45,["EUR","GBP","USD"]]' \
    "$(ac '/api/proxy/currency/history?startDate=01-02-2026&endDate=15-02-2026' | jq -c '[(.data.history | length), ([.data.history[].currencyCode] | unique)]')"
is "rate history beyond 15 days" '400 400 The period is longer than 15 days' "$(ac_error '/api/proxy/currency/history?startDate=01-02-2026&endDate=16-02-2026')"
is "statements convert at the rate of the day" true "$(usd=$(query ac/bank '.accounts[2].acc')
    rate=$(ac '/api/proxy/currency/history?startDate=20-02-2026&endDate=20-02-2026' | jq -r '.data.history[] | select(.currencyCode == "USD").nbuRate')
    ac "/api/statements/transactions?acc=$usd&startDate=20-02-2026&endDate=20-02-2026" |
        jq --arg rate "$rate" '[.transactions[] | (.SUM | tonumber) * ($rate | tonumber) - (.SUM_E | tonumber) | fabs < 0.0051] | all and length > 0')"

usd=$(query ac/bank '.accounts[2].acc')
swift='{"recipient":{"account":"DE00","name":"TEST GMBH","country":"DE","town":"BERLIN"},"recipientBank":{"bic":"TESTDEFF","bictype":"SWT"},
 "payment":{"amount":100.10,"chrg":"SHAR","reason":"invoice 1","currency":"USD","numdoc":1572,"valuedate":"2026-03-02","chrgamt":null},
 "payer":{"account":"'$usd'","name":"TEST"},"agreementNumber":"1"}'
is "SWIFT" '{"innerId":"9218","actionStatus":true,"newStatus":"2","numDoc":"1572","warnings":null}' "$(ac_post /api/proxy/zed/swift/save_with_forecast "$swift")"
ac_wrong "SWIFT with FULL in EUR" /api/proxy/zed/swift/save_with_forecast "$(jq '.payment.chrg = "FULL" | .payment.currency = "EUR"' <<<"$swift")" \
    '400 400 payment.chrg: FULL is for USD only PMTSRV0000'
ac_wrong "SWIFT from a hryvnia account" /api/proxy/zed/swift/save_with_forecast "$(jq --arg a "$my" '.payer.account = $a' <<<"$swift")" \
    '400 400 payer.account: not a currency account PMTMDL034'
cpi='{"payment":{"cusdate":"1772409600","valuedate":"1772409600","bankMessage":"bankmessage","numdoc":7,"currency":"usd","amount":"100","purpose":"exchange"},
 "payer":{"account":"'$usd'","name":"TEST"},"recipient":{"name":"TEST","okpo":"34554355","bankName":"PB","account":"UA1"}}'
is "CPI" '{"innerId":"9219","actionStatus":true,"newStatus":"2","numDoc":"7"}' "$(ac_post /api/proxy/zed/cpi/save_with_forecast "$cpi")"
is "both are kept" '[2,"swift","cpi"]' "$(query ac/foreign '[.created, .orders[0].kind, .orders[1].kind]')"
like "amounts as received" '*"amount":100.10,*' "$(curl -s "$base/_/ac/foreign")"

month='{"dateBegin":"2026-02-01","dateEnd":"2026-03-02"'
edoc=/api/proxy/edoc
is "journals" '[8,5,2,15,5]' "$(for j in inbox outbox in-process all to-pay; do ac_post $edoc/journal/$j "$month}" | jq .total; done | jq -sc .)"
is "journal page" '[2,1,15,"DOC_DATE",true]' \
    "$(ac_post $edoc/journal/all "$month,\"limit\":\"2\",\"offset\":\"1\",\"sortBy\":\"doc_date\",\"orderBy\":\"ASC\"}" |
        jq -c '[.limit, .offset, .total, .sortedBy, ([.documents[].DOC_DATE] | . == sort)]')"
is "journal filters" '[true,true]' \
    "$(ac_post $edoc/journal/all "$month,\"docType\":[\"2800\"],\"docSumFrom\":\"512.30\",\"stringFilter\":\"%5B%7B%22searchBy%22:%22company%22,%22key%22:%22ПОКУПЕЦЬ%22%7D%5D\"}" |
        jq -c '[(.total > 0), ([.documents[] | .DOC_TYPE == 2800 and .AMOUNT >= 512.30 and .OKPO_RECIPIENT == "34554356"] | all)]')"
is "journal error" '["ERROR","VE005","Incorrect request parameters: {0}",["asac"]]' \
    "$(ac_post $edoc/journal/all "$month,\"orderBy\":\"asac\"}" | jq -c '[.status, .code, .details.descr, .details.arguments]')"
is "journal dates" 400 "$(ac_post $edoc/journal/all '{"dateBegin":"01.02.2026","dateEnd":"2026-03-02"}' -o /dev/null -w '%{http_code}')"
is "journal wants JSON" '[415,"VE005"]' "$(ac_type=text/plain ac_post $edoc/journal/all "$month}" -w '%{http_code}' | sed 's/}\([0-9]*\)$/}\n\1/' | jq -sc '[.[1], .[0].code]')"

printf '<?xml version="1.0"?><A>\xcf</A>' >"$work/doc.xml"
printf '%%PDF-1.4 test' >"$work/doc.pdf"
# ac_form PATH CURL-FORM-ARGUMENTS...: a multipart call (curl writes its Content-Type)
ac_form() {
    local path=$1
    shift
    curl -s -m 20 -H "token: $ac_token" "$@" "$base$path" | iconv -f windows-1251 -t utf-8
}
up=$(ac_form $edoc/loader/upload -F "file=@$work/doc.xml" -F okpo=31451288)
id=$(jq -r .id <<<"$up")
is "upload" '["SUCCESS",true]' "$(jq -c '[.STATUS, (.TEMP_LINK | length > 0)]' <<<"$up")"
is "the same again" '["VE011",true]' "$(ac_form $edoc/loader/upload -F "file=@$work/doc.xml" -F okpo=31451288 | jq -c --arg id "$id" '[.code, (.details.arguments[0] | tostring) == $id]')"
is "foreign code" VE003 "$(ac_form $edoc/loader/upload -F "file=@$work/doc.xml" -F okpo=1 | jq -r .code)"
is "no file" '["VE005",["file"]]' "$(ac_form $edoc/loader/upload -F okpo=31451288 | jq -c '[.code, .details.arguments]')"
is "bytes are kept" "$(base64 -w0 "$work/doc.xml")" "$(query ac/edoc ".documents[] | select(.id == $id).content_base64")"
is "XML back" "$(md5sum <"$work/doc.xml")" "$(ac "$edoc/journal/get-xml-document/$id?okpo=31451288" | md5sum)"
is "base64 back" "$(base64 -w0 "$work/doc.xml")" "$(ac "$edoc/journal/get-base64/$id?okpo=31451288" | jq -r .originalDoc)"
like "PDF" '%PDF-*' "$(ac "$edoc/journal/get-pdf-document/$id?okpo=31451288" | head -c 9)"
is "not signed yet" '{"signatures":[]}' "$(ac "$edoc/journal/sign-info/$id?okpo=31451288")"
is "signature added" SUCCESS "$(ac_form $edoc/loader/upload-signed-b64 --data-urlencode "file=$(base64 -w0 "$work/doc.pdf")" -d okpo=31451288 -d "id=$id" | jq -r .STATUS)"
is "signed" 1 "$(ac "$edoc/journal/sign-info/$id?okpo=31451288" | jq '.signatures | length')"
is "p7s" "$(md5sum <"$work/doc.pdf")" "$(ac "/proxy/edoc/journal/get-p7s/$id?okpo=31451288" | md5sum)"
is "a sent one cannot be deleted" VE005 "$(ac "$edoc/journal/delete/$id?okpo=31451288" | jq -r .code)"
is "signed XML" '[false,true]' "$(ac_form /loader/v2/upload-signed-xml -F "file=@$work/doc.pdf;filename=a.xml" -F okpo=31451288 -F tempLinkForDays=0 | jq -c '[has("STATUS"), has("id")]')"
pdf=$(ac_form $edoc/loader/upload-pdf-b64 --data-urlencode "uploadedFileB64=$(printf '%%PDF-1.4 other' | base64)" --data-urlencode 'uploadedFileName=рахунок.pdf' \
    -H 'Content-Type: application/x-www-form-urlencoded;charset=utf8' -d okpo=31451288 -d recipientOkpo=34554355 -d amount=10.50 | jq -r .id)
is "PDF in base64" '["рахунок.pdf",10.5,"34554355"]' \
    "$(ac_post $edoc/journal/in-process "$month}" | jq -c --argjson id "$pdf" '.documents[] | select(.ID == $id) | [.DOC_NAME, .AMOUNT + 0, .OKPO_RECIPIENT]')"
is "preview" '{"STATUS":"SUCCESS"}' "$(ac "/api/proxy/edoc/journal/send-for-preview/$pdf?okpo=31451288")"
printf '%%PDF-1.4 third' >"$work/third.pdf"
is "PDF upload" SUCCESS "$(ac_form $edoc/loader/upload-pdf -F "file=@$work/third.pdf" -F okpo=31451288 -F recipientOkpo=34554355 -F documentDate=2026-03-01 | jq -r .STATUS)"
printf '<b/>' >"$work/b.xml"
draft=$(ac_form $edoc/loader/upload -F "file=@$work/b.xml" -F okpo=31451288 | jq -r .id)
is "delete" '{"STATUS":"SUCCESS"}' "$(ac "$edoc/journal/delete/$draft?okpo=31451288")"
is "gone" 404 "$(ac "$edoc/journal/delete/$draft?okpo=31451288" -o /dev/null -w '%{http_code}')"
invoice=$(ac_post $edoc/journal/to-pay "$month}" | jq '.documents[0].ID')
is "pay an invoice" '{"STATUS":"SUCCESS"}' "$(ac "$edoc/create-payment-from-invoice/$invoice?okpo=31451288&payerAccount=$my" -X POST)"
is "it is no longer to pay" 4 "$(ac_post $edoc/journal/to-pay "$month}" | jq .total)"
is "it is paid" PAYMENT_WAS_CREATED "$(ac_post $edoc/journal/all "$month}" | jq -r ".documents[] | select(.ID == $invoice).ADDITION_STATUS")"

is "report" '["success","success"]' "$(ac_form /api/proxy/eo/documents/create -F "file=@$work/b.xml" -F okpo=31451288 | jq -c '[.result, .documents[0].result]')"
is "report twice" '["error","Документ b.xml вже існує"]' "$(ac_form /api/proxy/eo/documents/create -F "file=@$work/b.xml" -F okpo=31451288 | jq -c '[.result, .error_message]')"
is "report replaced" success "$(ac_form /api/proxy/eo/documents/create-b64 -d uploadedFileB64=PGIvPg== -d uploadedFileName=b.xml -d okpo=31451288 -d duplicate=remove | jq -r .result)"
is "reports" '[2,1]' "$(query ac/reports '[.created, (.reports | length)]')"

is "salary groups" '["SALARY",0.05]' "$(ac /api/pay/mp/list-groups | jq -c '.[0] | [.type, .rko]')"
is "receivers page" '[100,20,0]' "$(for p in 0 1 2; do ac "/api/pay/mp/list-receivers?group=ALL&page=$p&page-size=100" | jq length; done | jq -sc .)"
is "receivers filter" '["rcv-1-7"]' "$(ac '/api/pay/mp/list-receivers?group=SALARY&filter=1111111118' | jq -c '[.[].id]')"
is "salary error" '["err","isa","V_BAD_PARAM",["from"]]' "$(ac '/api/pay/apay24/packets/list?status=F' | jq -c '[.status, .error.system, .error.code, .error.args]')"
is "packets" '["F","F",2,2230.51,"maspay"]' \
    "$(ac '/api/pay/apay24/packets/list?status=F&from=2026-02-01&to=2026-03-02' | jq -c '.[0] | [.status, .substatus, .recordCount, .recordAmount, .system]')"
is "receiver updated" '{"status":"OK","id":"rcv-1-7"}' "$(ac_post /api/pay/mp/update-receiver '{"pan":"4149000000001111","group":"SALARY","tabn":"7"}')"
is "receiver added" OK "$(ac_post /api/pay/mp/update-receiver '{"pan":"4149000000001111","group":"SALARY","tabn":"777","inn":"1111111111","fio":["Тестова","Т","Т"]}' | jq -r .status)"
packet=$(ac_post /api/pay/maspay/create '{"group":"SALARY","salary":true,"packetName":"Аванс"}' | jq -r .reference)
line=$(ac_post /api/pay/maspay/$packet/add '{"receiver":"rcv-1-1","comment":"аванс","amount":1250.50}' | jq -r .ref)
ac_post /api/pay/maspay/$packet/add '{"receiver":"rcv-1-2","amount":0.10}' >/dev/null
is "lines" '[[1250.5,"N"],[0.1,"N"]]' "$(ac "/api/pay/maspay/$packet/content?page=0&page-size=100" | jq -c 'map([.amount + 0, .status])')"
like "amounts with two decimals" '*"amount":1250.50,*"amount":0.10,*' "$(ac "/api/pay/maspay/$packet/content")"
is "line removed" '{}' "$(ac_post /api/pay/maspay/$packet/remove "{\"ref\":\"$line\"}")"
is "validation starts" P "$(ac /api/pay/maspay/$packet/validate -X POST | jq -r .status)"
is "and ends" '["W","SALARY",0.1]' "$(ac /api/pay/maspay/$packet/header | jq -c '[.status, .group, .recordAmount + 0]')"
is "back to N" N "$(ac_post /api/pay/maspay/$packet/add '{"receiver":"rcv-1-3","amount":5}' >/dev/null; ac /api/pay/maspay/$packet/header | jq -r .status)"
is "a finished packet is closed" '["maspay","L_UNABLE_TO_COMPLETE_OPERATION"]' "$(ac_post /api/pay/maspay/PKT100001/add '{"receiver":"rcv-1-3","amount":5}' | jq -c '[.error.system, .error.code]')"
is "a foreign packet" L_ACCESS_DENIED "$(ac /api/pay/maspay/PKT200001/header | jq -r .error.code)"
is "an unknown packet" L_ENTITY_NOT_EXISTS "$(ac /api/pay/maspay/PKT9/header | jq -r .error.code)"

is "no pay-sheets yet" '[]' "$(ac /api/paysheets/journal)"
sheet='/api/paysheets/upload-file?projectReference=12A08000132&yearmonth=202602'
is "nothing to save" '["ERROR","400","PAYSHEET_VALID_NO_FILE"]' "$(ac /api/paysheets/save-files -X POST | jq -c '[.status, .code, .serviceCode]')"
is "pay-sheet" '{"status":"success"}' "$(curl -s -m 20 -H 'token: token-1' -F "paysheet=@$work/doc.pdf;filename=EMPLOYEES_PAY_20260228_12A08000132.xls;type=application/vnd.ms-excel" \
    -F "catalog=@$work/doc.xml;filename=SPRAVOCHNIK_20260228_12A08000132.xls;type=application/vnd.ms-excel" "$base$sheet")"
is "saved" '{"status":"success"}' "$(ac /api/paysheets/save-files -X POST)"
is "pay-sheet journal" '[["PAYSHEET","202602","12A08000132"],["CATALOG","202602","12A08000132"]]' "$(ac /api/paysheets/journal | jq -c 'map([.fileType, .reportYm, .project.reference])')"
is "another file type" INVALID_FILE_TYPE "$(curl -s -m 20 -H 'token: token-1' -F "paysheet=@$work/doc.pdf" -F "catalog=@$work/doc.xml" "$base$sheet" | jq -r .serviceCode)"

cards=/api/corpcards/v2
is "cards" '["31451288",10,10,["CORP","ACCKEY"],[5,5]]' "$(ac_post $cards/cards/list '{}' | jq -c '.Data.JurData | [.OKPO, .allCards, .cardsShown, [.CorpData[].corpType], [.CorpData[].cardsShown]]')"
is "cards page" '[4,1]' "$(ac_post $cards/cards/list '{"panState":"o","corpType":"CORP","numOfEntr":3,"packNum":2}' | jq -c '[.Data.JurData.allCards, .Data.JurData.cardsShown]')"
is "a key in Cyrillic letters" a "$(ac_post $cards/cards/list '{}' | jq -r '.Data.JurData.CorpData[0]["АССState"]')"
corp=$(ac_post $cards/cards/list '{}' | jq -c '.Data.JurData.CorpData[0] | {id: .jurId, code: .CorpCode, type: .corpType}')
pan=$(ac_post $cards/cards/list '{}' | jq -r '.Data.JurData.CorpData[0].PanData[0].PanNumber')
is "corporation statement" true "$(ac_post "$cards/corp/statements?dateStart=01.02.2026&dateEnd=28.02.2026" "{\"corporation\":$corp}" | jq '.CorpStatement | (.panInfos | length == 5) and (.statements | length > 50)')"
is "card statement adds up" true "$(ac_post "$cards/card/statements?dateStart=01.02.2026&dateEnd=28.02.2026" "{\"corporation\":$corp,\"clientCard\":\"$pan\"}" |
    jq 'def cents: sub("[.]"; "") | tonumber; .CardStatement | (.summary.brest | cents) + (.summary.cr | cents) - (.summary.db | cents) == (.summary.erest | cents) and (.statements | length > 5)')"
ac_wrong "unknown card" "$cards/card/statements?dateStart=01.02.2026&dateEnd=28.02.2026" "{\"corporation\":$corp,\"clientCard\":\"1\"}" '400 400 clientCard is not found'

row=$(ac "/api/statements/transactions/final?acc=$my&limit=1" | jq -c '.transactions[0] | {account: .AUT_MY_ACC, reference: .REF, refn: .REFN}')
like "receipt" '*Content-Disposition: attachment; filename="receipts.pdf"*%PDF-*' "$(ac_post /api/paysheets/print_receipt "{\"transactions\":[$row],\"perPage\":4}" -i -H 'Accept: application/octet-stream' | head -c 400)"
ac_wrong "receipt without Accept" /api/paysheets/print_receipt "{\"transactions\":[$row]}" '400 400 Header accept must be application/octet-stream'
is "receipt of an unknown row" '400 400 Transaction is not found: X1' "$(ac_error /api/paysheets/print_receipt -H 'Accept: application/octet-stream' \
    --data-binary "{\"transactions\":[{\"account\":\"$my\",\"reference\":\"X\",\"refn\":\"1\"}]}")"
acq="{\"account\":\"$my\",\"dateFrom\":\"2026-02-20\",\"dateTo\":\"2026-02-21\",\"numberRecords\":200"
is "acquiring" '[200,true,null,true]' "$(ac_post /api/equiring/statements "$acq}" |
    jq -c '[(.dataCollections | length), .existNextPage, .nextPageId, ([.dataCollections[] | ((.Acq_Amt + .Ret_Amt - .Tran_Amt) | fabs) < 0.001] | all)]')"
is "acquiring times are times" true "$(ac_post /api/equiring/statements "$acq}" |
    jq '[.dataCollections[].Date | test("^2026-02-2[01]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$")] | all')"
is "acquiring, last page" false "$(ac_post /api/equiring/statements "$acq,\"page\":2}" | jq .existNextPage)"
ac_wrong "acquiring of three days" /api/equiring/statements "{\"account\":\"$my\",\"dateFrom\":\"2026-02-20\",\"dateTo\":\"2026-02-22\"}" '400 400 dateTo must be at most one day after dateFrom'
is "counterparty" '["1","00000001",null]' "$(ac_post /api/ubki/check '{"edrpou":"00000001"}' -H 'Accept: application/json' | jq -c '[.dossier.found, .dossier.okpo, .dossier.inn]')"
is "unknown counterparty" '["0",[]]' "$(ac_post /api/ubki/check '{"edrpou":"1111111118"}' -H 'Accept: application/json' | jq -c '[.dossier.found, .dossier.record]')"
stop_bank "Autoclient calls"
