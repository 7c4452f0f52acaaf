/*
 * The Autoclient half: which call has which path, and what all of them share. Contracts stand in
 * autoclient.h.
 */
#include "autoclient.h"

namespace sandbox::autoclient
{

namespace
{

/* Recodes a JSON reply; other types go out as they are. */
void finish(Reply &reply, Charset charset, bool declared)
{
    static const std::string usual = Reply().content_type;
    if (reply.content_type != usual && reply.content_type != "application/json")
        return;
    if (charset == Charset::cp1251)
        reply.body = to_cp1251(reply.body);
    reply.content_type = "application/json";
    if (declared)
        reply.content_type += charset == Charset::cp1251 ? ";charset=cp1251" : ";charset=utf8";
}

} // namespace

Autoclient::Autoclient()
{
    clear();
}

void Autoclient::clear()
{
    static const std::string nothing = "{}";
    books_ = std::make_unique<Books>(make_model(parse_json(nothing)));
}

void Autoclient::add_services(Router &router)
{
    add_statements(router);
    add_payments(router);
    add(router, {.path = "/api/*", .method = "", .service = "", .needs_company = false}, nullptr);
}

void Autoclient::add(Router &router, const Endpoint &endpoint, Handler handler)
{
    Service service;
    service.path = endpoint.path;
    service.method = endpoint.method;
    service.run = [this, endpoint, handler = std::move(handler)](const Request &request) {
        return serve(endpoint, handler, request);
    };
    service.own_credential = [this](const Request &request) {
        const Token *token = token_of(books_->model, request);
        return token ? token->name : "";
    };
    router.add(std::move(service));
}

void Autoclient::check_open(const Endpoint &endpoint) const
{
    const Clock &clock = books_->model.clock;
    const bool statement = endpoint.service == "statements" && endpoint.path != "/api/statements/settings";
    const bool settings = endpoint.path == "/api/statements/settings";
    if (clock.maintenance() && !clock.calls_go_on && (statement || (clock.all_calls_stop && !settings)))
        refuse(503, "Service temporarily unavailable");
}

Reply Autoclient::serve(const Endpoint &endpoint, const Handler &handler, const Request &request)
{
    if (!handler)
        refuse(404, "No such resource: " + request.path);
    Caller caller;
    try {
        caller = admit(books_->model, endpoint, request);
        check_open(endpoint);
        Reply reply = handler(*books_, caller, request);
        finish(reply, caller.charset, books_->model.habits.declared_charset);
        return reply;
    } catch (const RefusedWith &refusal) {
        Reply reply = refusal.reply();
        finish(reply, caller.charset, books_->model.habits.declared_charset);
        throw RefusedWith(std::move(reply));
    }
}

void Autoclient::add_statements(Router &router)
{
    const auto get = [](std::string_view path) { return Endpoint{path, "GET", "statements"}; };
    add(router, get("/api/statements/settings"), [](Books &books, const Caller &, const Request &request) {
        know_parameters(request, {});
        return json_reply(books.model.clock.settings_json());
    });
    const auto balances = [&](std::string_view path, Window window) {
        add(router, get(path), [window](Books &books, const Caller &caller, const Request &request) {
            return books.statements.balances(window, caller, request);
        });
    };
    const auto transactions = [&](std::string_view path, Window window) {
        add(router, get(path), [window](Books &books, const Caller &caller, const Request &request) {
            return books.statements.transactions(window, caller, request);
        });
    };
    balances("/api/statements/balance", Window::range);
    balances("/api/statements/balance/interim", Window::interim);
    balances("/api/statements/balance/final", Window::final);
    transactions("/api/statements/transactions", Window::range);
    transactions("/api/statements/transactions/interim", Window::interim);
    transactions("/api/statements/transactions/final", Window::final);
}

void Autoclient::add_payments(Router &router)
{
    const auto post = [](std::string_view path, Body body) {
        return Endpoint{path, "POST", "payments", Family::gateway, body};
    };
    add(router, post("/api/proxy/payment/create", Body::json),
        [](Books &books, const Caller &caller, const Request &request) {
            know_parameters(request, {});
            return books.payments.create(false, caller);
        });
    add(router, post("/api/proxy/payment/create_pred", Body::json),
        [](Books &books, const Caller &caller, const Request &request) {
            know_parameters(request, {});
            return books.payments.create(true, caller);
        });
    add(router, Endpoint{"/api/proxy/payment/get", "GET", "payments"},
        [](Books &books, const Caller &caller, const Request &request) {
            return books.payments.get(caller, request);
        });
    add(router, post("/api/proxy/payment/add-sign", Body::json),
        [](Books &books, const Caller &caller, const Request &request) {
            return books.payments.add_sign(caller, request);
        });
    add(router, post("/api/proxy/payment/delete", Body::none),
        [](Books &books, const Caller &caller, const Request &request) {
            return books.payments.remove(caller, request);
        });
}

} // namespace sandbox::autoclient
