/*
 * Currency rates. Contracts stand in rates.h.
 */
#include "rates.h"

namespace sandbox::autoclient
{

namespace
{

constexpr std::int64_t margin = 2000; // in ten-thousandths of a hryvnia

/* Ten-thousandths with seven decimals: 417886 is "41.7886000". */
std::string rate_text(std::int64_t rate)
{
    const std::string sign = rate < 0 ? "-" : "";
    const std::int64_t size = rate < 0 ? -rate : rate;
    const std::string fraction = std::to_string(10000 + size % 10000).substr(1);
    return sign + std::to_string(size / 10000) + "." + fraction + "000";
}

std::string side_json(const Ledger &ledger, const Clock &clock, std::string_view currency, std::int64_t shift)
{
    const std::int64_t rate = ledger.rate(currency, clock.calendar);
    return JsonObject()
        .text("date", day_text(clock.calendar, DayForm::hyphened) + " 10:00:49")
        .text("rate", rate_text(rate + shift))
        .text("rate_delta", rate_text(rate - ledger.rate(currency, clock.calendar - 1)))
        .text("nbuRate", rate_text(rate))
        .str();
}

Day day_parameter(const Request &request, std::string_view name)
{
    const std::optional<Day> day = read_day(parameter(request, name), DayForm::hyphened);
    if (!day)
        refuse(400, std::string(name) + " must be DD-MM-YYYY");
    return *day;
}

} // namespace

Reply current_rates(const Model &model, const Ledger &ledger, const Request &request)
{
    know_parameters(request, {});
    const bool cached = model.clock.seconds % 2 == 0;
    JsonObject cache;
    cache.flag("from_cache", cached);
    if (cached)
        cache.number("cache_time", 1526645093874).number("server_time", 1526645134001);
    JsonObject out;
    out.raw("cache_info", cache.str());
    for (std::string_view currency : {"USD", "EUR"})
        out.raw(currency, JsonObject()
                              .raw("B", side_json(ledger, model.clock, currency, -margin))
                              .raw("S", side_json(ledger, model.clock, currency, margin))
                              .str());
    return json_reply(out.str());
}

Reply rate_history(const Model &model, const Ledger &ledger, const Request &request)
{
    know_parameters(request, {"startDate", "endDate"});
    const Day from = day_parameter(request, "startDate");
    const Day to = day_parameter(request, "endDate");
    if (to < from)
        refuse(400, "endDate is before startDate");
    if (to - from > 14)
        refuse(400, "The period is longer than 15 days");
    JsonArray history;
    for (Day day = from; day <= std::min(to, model.clock.calendar); ++day)
        for (std::string_view currency : {"USD", "EUR", "GBP"}) {
            const std::int64_t rate = ledger.rate(currency, day);
            const std::string delta = rate_text(rate - ledger.rate(currency, day - 1));
            history.raw(JsonObject()
                            .text("date", day_text(day, DayForm::hyphened))
                            .text("currencyCode", currency)
                            .text("nbuRate", rate_text(rate))
                            .text("rate_s", rate_text(rate + margin))
                            .text("rate_s_delta", delta)
                            .text("rate_b", rate_text(rate - margin))
                            .text("rate_b_delta", delta)
                            .str());
        }
    const std::string data = JsonObject().raw("sessionState", "null").raw("history", history.str()).str();
    return json_reply(JsonObject().raw("cache_info", R"({"from_cache":false})").raw("data", data).str());
}

} // namespace sandbox::autoclient
