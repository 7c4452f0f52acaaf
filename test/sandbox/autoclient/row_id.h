/*
 * The online id of a row: its account, first value date and place in that day packed into one number.
 *
 * Promises: reversible; grows with account, day and place. At most 256 accounts, 16384 days from
 * 2010-01-01 and 2^18 rows of a section per day.
 */
#pragma once

#include "ledger.h"

#include <optional>

namespace sandbox::autoclient
{

struct RowKey {
    std::uint32_t account = 0;
    Day day = 0;
    Place place;
};

constexpr Day first_id_day = 14610;             // 2010-01-01
constexpr std::uint64_t first_id = 1000000000U; // so that an id has ten digits at least

inline std::uint64_t row_id(std::uint32_t account, Day day, Place place)
{
    const std::uint64_t day_number = static_cast<std::uint64_t>(day - first_id_day) & 0x3FFFU;
    return first_id + ((((static_cast<std::uint64_t>(account) << 14 | day_number) << 2 |
                         static_cast<std::uint64_t>(place.section))
                        << 18) |
                       place.slot);
}

inline RowKey row_key(std::uint64_t id)
{
    const std::uint64_t packed = id - first_id;
    RowKey key;
    key.place.slot = static_cast<std::uint32_t>(packed & 0x3FFFFU);
    key.place.section = static_cast<Section>(packed >> 18 & 3U);
    key.day = static_cast<Day>(packed >> 20 & 0x3FFFU) + first_id_day;
    key.account = static_cast<std::uint32_t>(packed >> 34);
    return key;
}

} // namespace sandbox::autoclient
