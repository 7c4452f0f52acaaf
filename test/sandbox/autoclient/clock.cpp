/*
 * The bank's clock and its operational days. Contracts stand in clock.h.
 */
#include "clock.h"

#include "../json_text.h"

namespace sandbox::autoclient
{

namespace
{

std::string midnight(Day day)
{
    return day_text(day, DayForm::dotted) + " 00:00:00";
}

} // namespace

Day Clock::previous(Day day) const
{
    do
        --day;
    while (!operational(day));
    return day;
}

Day Clock::next(Day day) const
{
    do
        ++day;
    while (!operational(day));
    return day;
}

Day Clock::today() const
{
    return operational(calendar) ? calendar : previous(calendar);
}

Stage Clock::stage(Day day) const
{
    const Day open = today();
    if (day > open)
        return Stage::future;
    if (day == open)
        return Stage::today;
    return day <= final_day() ? Stage::final : Stage::lastday;
}

std::string Clock::settings_json() const
{
    JsonArray closed;
    for (Day day : closed_days)
        closed.text(midnight(day));
    JsonObject settings;
    settings.text("phase", phase).raw("dates_without_oper_day", closed.str());
    settings.text("today", midnight(today())).text("lastday", midnight(lastday()));
    settings.text("work_balance", work_balance ? "Y" : "N");
    settings.text("server_date_time", day_text(calendar, DayForm::dotted) + " " + time_text(seconds));
    settings.text("date_final_statement", midnight(final_day()));
    return JsonObject()
        .text("status", "SUCCESS")
        .text("type", "settings")
        .raw("settings", settings.str())
        .str();
}

} // namespace sandbox::autoclient
