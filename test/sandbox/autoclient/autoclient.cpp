/*
 * The Autoclient half: what all calls share. Paths are in endpoints.cpp, contracts in autoclient.h.
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
    service.own_stand_in = [this, family = endpoint.family](const Request &request, const StandIn &wanted) {
        Reply reply =
            wanted.refusal ? refusal_of(family, 400, wanted.service_code, wanted.text) : success_of(family);
        finish(reply, charset_of(request), books_->model.habits.declared_charset);
        return reply;
    };
    router.add(std::move(service));
}

void Autoclient::check_open(const Endpoint &endpoint) const
{
    const Clock &clock = books_->model.clock;
    const bool statement = endpoint.service == "statements";
    const bool settings = endpoint.path == "/api/statements/settings";
    if (clock.maintenance() && !clock.calls_go_on && (statement || (clock.all_calls_stop && !settings)))
        refuse(503, "Service temporarily unavailable");
}

/* Carries out the changes of day that were to come between calls. */
void Autoclient::pass_time()
{
    for (Later &each : books_->later)
        if (each.calls-- == 0) {
            books_->model.clock.calendar += each.days;
            books_->model.clock.seconds = each.seconds;
        }
    std::erase_if(books_->later, [](const Later &each) { return each.calls < 0; });
}

Reply Autoclient::serve(const Endpoint &endpoint, const Handler &handler, const Request &request)
{
    if (!handler)
        refuse(404, "No such resource: " + request.path);
    Caller caller;
    try {
        pass_time();
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

} // namespace sandbox::autoclient
