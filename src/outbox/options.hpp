// The options of servers and user mappings: their names, what each may hold, who may set it (surface section
// 2).
//
// One catalogue serves the validator (CREATE and ALTER, which knows no server type), the use of a server and
// k2bridge.check_server. No text here repeats a value. Include before pg/*.hpp.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outbox
{

enum class Place { server, mapping };

enum class Kind {
    url,          // address, scheme optional
    milliseconds, // integer, or with a unit: 500ms, 30s, 2min
    connections,  // 1 to 256
    rate,         // requests per second, decimal, 0 = none
    boolean,
    file, // absolute path; privileged
    tls_version,
    proxy,
    time_zone,
    window, // HH:MM-HH:MM
    mode,   // live, record
    id_place,
    charset,
    line,        // visible ASCII and blanks: travels in a header or query
    header_name, // a token of RFC 9110
    header_secret,
    secret,
    user // without a colon
};

// Types of servers as a bit set.
enum : unsigned { type_abs = 1, type_autoclient = 2, type_http = 4, type_any = 7 };

struct Option {
    const char *name; // null for an own address option, *_url
    Place place;
    Kind kind;
    unsigned types{type_any};
    bool privileged{false}; // superuser or pg_read_server_files
};

using OptionList = std::vector<std::pair<std::string, std::string>>;

unsigned type_bit(std::string_view type); // 0: not a type of k2bridge

// The rule for an option name, null when there is none. Any server option *_url is an address.
const Option *find_option(Place place, std::string_view name);

std::vector<std::string> option_names(Place place, unsigned types = type_any);

// The candidate most like `name`, or empty when none is near.
std::string nearest(std::string_view name, const std::vector<std::string> &candidates);

// Why the value cannot be used, for people, never quoting it; empty when it can. May call PostgreSQL (time
// zones).
std::string refuse_value(const Option &option, const std::string &value);

// The same of an option by name, on a server of this type.
std::string refuse_option(Place place, const std::string &name, const std::string &value,
                          const std::string &type);

// Whether setting this value takes the rights of pg_read_server_files.
bool needs_privilege(const Option &option, const std::string &value);

// Why the options cannot stand together (token and token_file …), or empty.
std::string refuse_combination(Place place, const OptionList &options);

// Readers of values; empty when malformed.
std::optional<std::chrono::milliseconds> read_milliseconds(const std::string &value);
std::optional<int> read_connections(const std::string &value);
std::optional<double> read_rate(const std::string &value);
std::optional<bool> read_boolean(const std::string &value);
std::optional<std::pair<int, int>> read_window(const std::string &value); // minutes of the day, [from, to)
std::optional<bool> read_windows_1251(const std::string &value);

} // namespace outbox
