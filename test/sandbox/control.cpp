/*
 * The control API of the sandbox bank under /_/: what tests ask and set (README, "Control API").
 */
#include "bank.h"

#include "text.h"

namespace sandbox
{

namespace
{

std::string parameter_or(const Request &request, std::string_view name, const std::string &fallback)
{
    const std::string *value = request.parameter(name);
    return value ? *value : fallback;
}

std::uint64_t number_parameter(const Request &request, std::string_view name, std::uint64_t fallback)
{
    const std::string *value = request.parameter(name);
    if (!value)
        return fallback;
    if (!is_integer(*value) || value->starts_with('-') || value->size() > 18)
        throw Refused(400, std::string(name) + " must be a whole number");
    return std::stoull(*value);
}

Reply done()
{
    return json_reply(JsonObject().flag("ok", true).str());
}

} // namespace

Reply Bank::control(const Request &request)
{
    const std::lock_guard guard(lock_);
    try {
        return dispatch_control(request);
    } catch (const Refused &reason) {
        return json_reply(JsonObject().text("error", reason.what()).str(), reason.status());
    }
}

Reply Bank::dispatch_control(const Request &request)
{
    const bool post = request.method == "POST";
    if (!post && request.method != "GET")
        throw Refused(405, "the control API knows GET and POST");
    if (std::optional<Reply> reply = abs_.control(request))
        return *reply;
    if (std::optional<Reply> reply = autoclient_.control(request)) {
        if (post)
            journal_.append({record_.last(), false, "", "", request});
        return *reply;
    }
    if (request.path == "/_/log" && !post)
        return log_reply(request);
    if (request.path == "/_/count" && !post)
        return count_reply(request);
    if (request.path == "/_/faults" && !post)
        return json_reply(faults_.to_json());
    if (request.path == "/_/health" && !post)
        return done();
    if (request.path == "/_/faults") {
        faults_.load(json_body(request));
        return done();
    }
    if (request.path == "/_/credentials" && post) {
        const Value body = json_body(request);
        const Value *list = body.find("credentials");
        if (!list || body.members.size() != 1)
            throw Refused(400, "exactly the member credentials is needed");
        load_credentials(*list);
        return done();
    }
    if (request.path == "/_/reset" && post) {
        journal_.append({record_.last(), false, "", "", request});
        reset();
        return done();
    }
    throw Refused(404, "no such control request: " + request.method + " " + request.path);
}

Reply Bank::log_reply(const Request &request) const
{
    return json_reply(
        record_.to_json(parameter_or(request, "path", ""), number_parameter(request, "since", 0),
                        parameter_or(request, "contains", ""), number_parameter(request, "limit", 1000000)));
}

Reply Bank::count_reply(const Request &request) const
{
    const std::string path = parameter_or(request, "path", "");
    Tally tally = record_.count(path);
    if (std::string_view("/bench/echo").starts_with(path)) {
        const std::uint64_t echoes = echoes_.load();
        tally.received += echoes;
        tally.processed += echoes;
        tally.answered += echoes;
    }
    return json_reply(JsonObject()
                          .number("received", static_cast<std::int64_t>(tally.received))
                          .number("processed", static_cast<std::int64_t>(tally.processed))
                          .number("answered", static_cast<std::int64_t>(tally.answered))
                          .str());
}

void Bank::load_credentials(const Value &list)
{
    std::vector<Credential> accepted;
    for (const Value &item : list.items) {
        const Value *name = item.find("name");
        const Value *bearer = item.find("bearer");
        const Value *basic = item.find("basic");
        if (!name || (bearer != nullptr) == (basic != nullptr) || item.members.size() != 2)
            throw Refused(400, "a credential needs a name and either bearer or basic");
        accepted.push_back(bearer ? bearer_credential(name->text, bearer->text)
                                  : basic_credential(name->text, basic->text));
    }
    router_.credentials(std::move(accepted));
}

void Bank::reset()
{
    abs_.clear();
    autoclient_.clear();
    record_.clear();
    faults_.clear();
    faults_.seed(options_.seed);
    router_.credentials(options_.credentials);
    echoes_ = 0;
    ++era_;
}

} // namespace sandbox
