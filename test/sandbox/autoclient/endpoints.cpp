/*
 * Which call of the Autoclient API stands at which path (index of autoclient.md). Contracts stand in
 * autoclient.h.
 */
#include "autoclient.h"

#include "extras.h"
#include "rates.h"

#include <functional>
#include <type_traits>

namespace sandbox::autoclient
{

namespace
{

Endpoint get(std::string_view path, std::string_view service, Family family = Family::gateway)
{
    return {path, "GET", service, family, Body::none, true};
}

Endpoint post(std::string_view path, std::string_view service, Body body, Family family = Family::gateway)
{
    return {path, "POST", service, family, body, true};
}

} // namespace

void Autoclient::add_services(Router &router)
{
    add_statements(router);
    add_payments(router);
    add_documents(router);
    add_salary(router);
    add_others(router);
    add(router, {.path = "/api/*", .method = "", .service = ""}, nullptr);
}

void Autoclient::add_statements(Router &router)
{
    add(router, get("/api/statements/settings", ""),
        [](Books &books, const Caller &, const Request &request) {
            know_parameters(request, {});
            return json_reply(books.model.clock.settings_json());
        });
    const auto balances = [&](std::string_view path, Window window) {
        add(router, get(path, "statements"),
            [window](Books &books, const Caller &caller, const Request &request) {
                return books.statements.balances(window, caller, request);
            });
    };
    const auto transactions = [&](std::string_view path, Window window) {
        add(router, get(path, "statements"),
            [window](Books &books, const Caller &caller, const Request &request) {
                return books.statements.transactions(window, caller, request);
            });
    };
    balances("/api/statements/balance", Window::range);
    balances("/api/statements/balance/interim", Window::interim);
    balances("/api/statements/balance/final", Window::final);
    transactions("/api/statements/transactions", Window::range);
    transactions("/api/statements/transactions/interim", Window::interim);
    transactions("/api/statements/transactions/final", Window::final);
    Endpoint group = get("/api/account/get-clients-ingroup", "");
    group.needs_company = false;
    add(router, group, [](Books &books, const Caller &caller, const Request &request) {
        know_parameters(request, {});
        if (caller.token->company)
            refuse(400, "The application is not in group mode");
        JsonArray ids;
        for (const Company &each : books.model.companies)
            ids.text(each.id);
        return json_reply(JsonObject().raw("clients_in_group", ids.str()).str());
    });
}

void Autoclient::add_payments(Router &router)
{
    using Call = Reply (Payments::*)(const Caller &, const Request &);
    const auto create = [&](std::string_view path, bool forecast) {
        add(router, post(path, "payments", Body::json),
            [forecast](Books &books, const Caller &caller, const Request &request) {
                know_parameters(request, {});
                return books.payments.create(forecast, caller);
            });
    };
    const auto call = [&](const Endpoint &endpoint, Call function) {
        add(router, endpoint, [function](Books &books, const Caller &caller, const Request &request) {
            return (books.payments.*function)(caller, request);
        });
    };
    create("/api/proxy/payment/create", false);
    create("/api/proxy/payment/create_pred", true);
    call(get("/api/proxy/payment/get", "payments"), &Payments::get);
    call(post("/api/proxy/payment/add-sign", "payments", Body::json), &Payments::add_sign);
    call(post("/api/proxy/payment/delete", "payments", Body::none), &Payments::remove);
    add(router, post("/api/proxy/zed/swift/save_with_forecast", "zed", Body::json),
        [](Books &books, const Caller &caller, const Request &) { return books.foreign.swift(caller); });
    add(router, post("/api/proxy/zed/cpi/save_with_forecast", "zed", Body::json),
        [](Books &books, const Caller &caller, const Request &) { return books.foreign.internal(caller); });
}

void Autoclient::add_documents(Router &router)
{
    using Call = Reply (Edoc::*)(const Caller &, const Request &);
    const auto journal = [&](std::string_view path) {
        add(router, post(path, "edoc", Body::json, Family::edoc),
            [name = path.substr(path.rfind('/') + 1)](Books &books, const Caller &caller, const Request &) {
                return books.edoc.journal(name, caller);
            });
    };
    journal("/api/proxy/edoc/journal/inbox");
    journal("/api/proxy/edoc/journal/outbox");
    journal("/api/proxy/edoc/journal/in-process");
    journal("/api/proxy/edoc/journal/all");
    journal("/api/proxy/edoc/journal/to-pay");
    const auto upload = [&](std::string_view path, Body body, auto function) {
        add(router, post(path, "edoc", body, Family::edoc),
            [function](Books &books, const Caller &caller, const Request &) {
                return function(books.edoc, caller);
            });
    };
    const auto plain = [](Edoc &edoc, const Caller &caller) { return edoc.upload(caller, false); };
    const auto sealed = [](Edoc &edoc, const Caller &caller) { return edoc.upload(caller, true); };
    const auto pdf = [](Edoc &edoc, const Caller &caller) { return edoc.upload_pdf(caller, false); };
    const auto pdf_base64 = [](Edoc &edoc, const Caller &caller) { return edoc.upload_pdf(caller, true); };
    const auto signature = [](Edoc &edoc, const Caller &caller) { return edoc.upload_signature(caller); };
    upload("/api/proxy/edoc/loader/upload", Body::multipart, plain);
    upload("/api/proxy/edoc/loader/upload-signed-xml", Body::multipart, sealed);
    upload("/loader/v2/upload-signed-xml", Body::multipart, sealed);
    upload("/api/proxy/edoc/loader/upload-pdf", Body::multipart, pdf);
    upload("/api/proxy/edoc/loader/upload-pdf-b64", Body::form, pdf_base64);
    upload("/api/proxy/edoc/loader/upload-signed-b64", Body::form, signature);
    const auto call = [&](const Endpoint &endpoint, Call function) {
        add(router, endpoint, [function](Books &books, const Caller &caller, const Request &request) {
            return (books.edoc.*function)(caller, request);
        });
    };
    call(get("/api/proxy/edoc/journal/send-for-preview/{}", "edoc", Family::edoc), &Edoc::preview);
    call(get("/proxy/edoc/journal/send-for-preview/{}", "edoc", Family::edoc), &Edoc::preview);
    call(post("/api/proxy/edoc/create-payment-from-invoice/{}", "edoc", Body::none, Family::edoc),
         &Edoc::pay);
    call(get("/api/proxy/edoc/journal/delete/{}", "edoc", Family::edoc), &Edoc::remove);
    call(get("/api/proxy/edoc/journal/get-xml-document/{}", "edoc", Family::edoc), &Edoc::xml);
    call(get("/api/proxy/edoc/journal/get-base64/{}", "edoc", Family::edoc), &Edoc::base64);
    call(get("/api/proxy/edoc/journal/get-pdf-document/{}", "edoc", Family::edoc), &Edoc::pdf);
    call(get("/api/proxy/edoc/journal/sign-info/{}", "edoc", Family::edoc), &Edoc::sign_info);
    call(get("/proxy/edoc/journal/get-p7s/{}", "edoc", Family::edoc), &Edoc::p7s);
    call(get("/api/proxy/edoc/journal/get-p7s/{}", "edoc", Family::edoc), &Edoc::p7s);
    const auto report = [&](std::string_view path, Body body, bool base64) {
        add(router, post(path, "eo", body, Family::eo),
            [base64](Books &books, const Caller &caller, const Request &) {
                return books.reporting.create(caller, base64);
            });
    };
    report("/api/proxy/eo/documents/create", Body::multipart, false);
    report("/api/proxy/eo/documents/create-b64", Body::form, true);
}

void Autoclient::add_salary(Router &router)
{
    const auto call = [&](std::string_view path, std::string_view method, auto function) {
        const Body body = method == "GET" || path.ends_with("validate") ? Body::none : Body::json;
        add(router, {path, method, "salary", Family::salary, body, true},
            [function](Books &books, const Caller &caller, const Request &request) {
                if constexpr (std::is_invocable_v<decltype(function), Salary &, const Caller &>)
                    return std::invoke(function, books.salary, caller);
                else
                    return std::invoke(function, books.salary, caller, request);
            });
    };
    call("/api/pay/mp/list-groups", "GET", &Salary::groups);
    call("/api/pay/mp/list-receivers", "GET", &Salary::receivers);
    call("/api/pay/mp/update-receiver", "POST", &Salary::update_receiver);
    call("/api/pay/apay24/packets/list", "GET", &Salary::packets);
    call("/api/pay/maspay/create", "POST", &Salary::create);
    call("/api/pay/maspay/{}/header", "GET", &Salary::header);
    call("/api/pay/maspay/{}/content", "GET", &Salary::content);
    call("/api/pay/maspay/{}/add", "POST", &Salary::add_line);
    call("/api/pay/maspay/{}/remove", "POST", &Salary::remove_line);
    call("/api/pay/maspay/{}/validate", "POST", &Salary::validate);
    add(router, get("/api/paysheets/journal", "paysheets", Family::paysheets),
        [](Books &books, const Caller &caller, const Request &) { return books.paysheets.journal(caller); });
    add(router, post("/api/paysheets/upload-file", "paysheets", Body::multipart, Family::paysheets),
        [](Books &books, const Caller &caller, const Request &request) {
            return books.paysheets.upload(caller, request);
        });
    add(router, post("/api/paysheets/save-files", "paysheets", Body::none, Family::paysheets),
        [](Books &books, const Caller &caller, const Request &) { return books.paysheets.save(caller); });
}

void Autoclient::add_others(Router &router)
{
    for (std::string_view path : {"/api/proxy/currency/", "/api/proxy/currency"})
        add(router, get(path, ""), [](Books &books, const Caller &, const Request &request) {
            return current_rates(books.model, books.ledger, request);
        });
    add(router, get("/api/proxy/currency/history", ""),
        [](Books &books, const Caller &, const Request &request) {
            return rate_history(books.model, books.ledger, request);
        });
    add(router, post("/api/corpcards/v2/cards/list", "corpcards", Body::json),
        [](Books &books, const Caller &caller, const Request &) { return books.cards.list(caller); });
    add(router, post("/api/corpcards/v2/corp/statements", "corpcards", Body::json),
        [](Books &books, const Caller &caller, const Request &request) {
            return books.cards.statements(caller, request, false);
        });
    add(router, post("/api/corpcards/v2/card/statements", "corpcards", Body::json),
        [](Books &books, const Caller &caller, const Request &request) {
            return books.cards.statements(caller, request, true);
        });
    add(router, post("/api/paysheets/print_receipt", "receipts", Body::json),
        [](Books &books, const Caller &caller, const Request &request) {
            return receipts(books.model, books.ledger, caller, request);
        });
    add(router, post("/api/equiring/statements", "acquiring", Body::json),
        [](Books &books, const Caller &caller, const Request &) { return acquiring(books.model, caller); });
    add(router, post("/api/ubki/check", "ubki", Body::json),
        [](Books &, const Caller &caller, const Request &request) { return counterparty(caller, request); });
}

} // namespace sandbox::autoclient
