/*
 * The bank's clock and its operational days: which day is open, which one is before it, which days are
 * final, and whether the bank takes requests.
 *
 * Promises: moves only when it is told to; a day once final stays final. Source: autoclient.md sections
 * 2.1 and 14.
 */
#pragma once

#include "calendar.h"

#include <set>
#include <string>

namespace sandbox::autoclient
{

/* What has become of a day: rows of today and lastday are interim, older ones final. */
enum class Stage { future, today, lastday, final };

struct Clock {
    Day calendar = 0;              // the day of the server's clock
    int seconds = 12 * 3600 + 231; // its time of day
    std::set<Day> closed_days;     // dates_without_oper_day
    std::string phase = "WRK";     // anything else: maintenance
    bool work_balance = false;     // end-of-day jobs are running
    bool all_calls_stop = false;   // in maintenance everything but settings fails, else statements only
    bool calls_go_on = false;      // in maintenance nothing fails
    bool lastday_is_final = false; // date_final_statement = lastday instead of the day before it

    bool operational(Day day) const { return !closed_days.contains(day); }
    Day previous(Day day) const; // the operational day before
    Day next(Day day) const;
    Day today() const; // the operational day that is open: the latest that is not after the calendar
    Day lastday() const { return previous(today()); }
    Day final_day() const { return lastday_is_final ? lastday() : previous(lastday()); }
    Stage stage(Day day) const;
    bool maintenance() const { return phase != "WRK" || work_balance; }

    /* The whole reply of /api/statements/settings. */
    std::string settings_json() const;
};

} // namespace sandbox::autoclient
