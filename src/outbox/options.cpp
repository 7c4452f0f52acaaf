// See options.hpp: the catalogue and the reading of values. The validator itself is validator.cpp.
#include "http/request.hpp"
#include "http/url.hpp"
#include "outbox/options.hpp"
#include "outbox/secret.hpp"

#include "pg/guard.hpp"

#include <algorithm>
#include <array>
#include <charconv>

extern "C" {
#include "pgtime.h"
}

namespace outbox
{

namespace
{

constexpr Option catalogue[] = {
    // Addresses of the ABS services O1 to O11 (wire/k2.md section 3).
    {"abs_get_cli_url", Place::server, Kind::url, type_abs},
    {"abs_get_acc_url", Place::server, Kind::url, type_abs},
    {"abs_get_acc_stmt_dt_url", Place::server, Kind::url, type_abs},
    {"abs_get_pdf_url", Place::server, Kind::url, type_abs},
    {"abs_reg_pt_url", Place::server, Kind::url, type_abs},
    {"abs_refuse_pt_url", Place::server, Kind::url, type_abs},
    {"abs_return_pt_url", Place::server, Kind::url, type_abs},
    {"colvir_get_loan_debt", Place::server, Kind::url, type_abs},
    {"way4_get_loan_debt", Place::server, Kind::url, type_abs},
    {"get_all_pt_from_abs", Place::server, Kind::url, type_abs},
    {"post_all_loan_exclude_to_eko", Place::server, Kind::url, type_abs},
    {"base_url", Place::server, Kind::url},
    {"docs_url", Place::server, Kind::url, type_autoclient},
    {"group_id", Place::server, Kind::line, type_autoclient},
    {"group_id_in", Place::server, Kind::id_place, type_autoclient},
    {"app_id", Place::server, Kind::line, type_autoclient},
    {"charset", Place::server, Kind::charset},
    {"user_agent", Place::server, Kind::line},
    {"token_header", Place::server, Kind::header_name},
    {"connect_timeout", Place::server, Kind::milliseconds},
    {"timeout", Place::server, Kind::milliseconds},
    {"max_connections", Place::server, Kind::connections},
    {"rate_limit", Place::server, Kind::rate},
    {"ca_file", Place::server, Kind::file, type_any, true},
    {"cert_file", Place::server, Kind::file, type_any, true},
    {"key_file", Place::server, Kind::file, type_any, true},
    {"verify_tls", Place::server, Kind::boolean},
    {"tls_min", Place::server, Kind::tls_version},
    {"allow_http", Place::server, Kind::boolean},
    {"proxy", Place::server, Kind::proxy, type_any, true},
    {"timezone", Place::server, Kind::time_zone},
    {"send_window", Place::server, Kind::window},
    {"mode", Place::server, Kind::mode},
    {"token", Place::mapping, Kind::header_secret},
    {"token_file", Place::mapping, Kind::file, type_any, true},
    {"bearer", Place::mapping, Kind::header_secret},
    {"bearer_file", Place::mapping, Kind::file, type_any, true},
    {"user", Place::mapping, Kind::user},
    {"password", Place::mapping, Kind::secret},
    {"password_file", Place::mapping, Kind::file, type_any, true},
};

constexpr Option own_address{nullptr, Place::server, Kind::url};

// Names like my_bus_url, for the bank's own endpoints.
bool is_own_address(std::string_view name)
{
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return name.size() > 4 && name.ends_with("_url") && name[0] >= 'a' && name[0] <= 'z' &&
           std::all_of(name.begin(), name.end(), plain);
}

bool has_control(const std::string &value)
{
    return std::any_of(value.begin(), value.end(),
                       [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
        }
    }
    return row[b.size()];
}

// HH:MM, up to 24:00.
std::optional<int> read_minute(std::string_view text)
{
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
    if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4))
        return {};
    const int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    const int of_day = hour * 60 + minute;
    return minute < 60 && of_day <= 24 * 60 ? std::optional(of_day) : std::nullopt;
}

std::string refuse_url(const std::string &value)
{
    try {
        http::complete_url(value);
    } catch (const http::BadUrl &error) {
        return error.what();
    }
    return value.find('#') == std::string::npos ? "" : "the URL contains a fragment";
}

std::string refuse_line(const std::string &value)
{
    const auto odd = [](char c) { return c < ' ' || c == 0x7f; };
    if (value.empty())
        return "it is empty";
    return std::any_of(value.begin(), value.end(), odd) ? "it contains a character that is not ASCII" : "";
}

// What the HTTP client itself would refuse, so that both never differ.
std::string refuse_proxy(const std::string &value)
{
    http::Request request;
    request.url = "https://localhost/";
    request.proxy = value;
    return value.empty() ? "it is empty" : http::check(request);
}

std::string refuse_header_name(const std::string &value)
{
    http::Request request;
    request.url = "https://localhost/";
    request.headers = {{value, "x"}};
    return http::check(request).empty() ? "" : "it is not the name of a header that may be set";
}

std::string refuse_user(const std::string &value)
{
    if (value.empty())
        return "it is empty";
    return value.find(':') == std::string::npos ? "" : "it contains a colon";
}

std::string unless(bool fine, const char *expected)
{
    return fine ? "" : expected;
}

} // namespace

unsigned type_bit(std::string_view type)
{
    if (type == "abs")
        return type_abs;
    if (type == "autoclient")
        return type_autoclient;
    return type == "http" ? unsigned{type_http} : 0;
}

const Option *find_option(Place place, std::string_view name)
{
    const auto *found = std::find_if(std::begin(catalogue), std::end(catalogue), [&](const Option &option) {
        return option.place == place && name == option.name;
    });
    if (found != std::end(catalogue))
        return found;
    return place == Place::server && is_own_address(name) ? &own_address : nullptr;
}

std::vector<std::string> option_names(Place place, unsigned types)
{
    std::vector<std::string> names;
    for (const Option &option : catalogue)
        if (option.place == place && (option.types & types) != 0)
            names.emplace_back(option.name);
    return names;
}

std::string nearest(std::string_view name, const std::vector<std::string> &candidates)
{
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(name.size() / 3, 1) + 1;
    for (const std::string &candidate : candidates)
        if (const std::size_t far = distance(name, candidate); far < best_distance && far > 0) {
            best = candidate;
            best_distance = far;
        }
    return best;
}

std::string refuse_value(const Option &option, const std::string &value)
{
    if (has_control(value))
        return "it contains a control character";
    switch (option.kind) {
    case Kind::url:
        return refuse_url(value);
    case Kind::milliseconds:
        return unless(read_milliseconds(value).has_value(),
                      "it is not a time from 1 ms to 24 h, such as 30000 or 30s");
    case Kind::connections:
        return unless(read_connections(value).has_value(), "it is not an integer from 1 to 256");
    case Kind::rate:
        return unless(read_rate(value).has_value(),
                      "it is not a number of requests per second from 0 to 100000");
    case Kind::boolean:
        return unless(read_boolean(value).has_value(), "it is not a boolean");
    case Kind::file:
        return unless(value.size() > 1 && value[0] == '/', "it is not an absolute path");
    case Kind::tls_version:
        return unless(value == "1.2" || value == "1.3", "it is neither 1.2 nor 1.3");
    case Kind::proxy:
        return refuse_proxy(value);
    case Kind::time_zone:
        return unless(pg::call([&] { return pg_tzset(value.c_str()) != nullptr; }), "it is not a time zone");
    case Kind::window:
        return unless(read_window(value).has_value(), "it is not a span of the day such as 06:00-22:30");
    case Kind::mode:
        return unless(value == "live" || value == "record", "it is neither live nor record");
    case Kind::id_place:
        return unless(value == "query" || value == "header" || value == "both",
                      "it is neither query, header nor both");
    case Kind::charset:
        return unless(read_windows_1251(value).has_value(), "it is neither utf8 nor cp1251");
    case Kind::line:
        return refuse_line(value);
    case Kind::header_name:
        return refuse_header_name(value);
    case Kind::header_secret:
        return refuse_secret(value, true);
    case Kind::secret:
        return refuse_secret(value, false);
    case Kind::user:
        return refuse_user(value);
    }
    return {};
}

std::string refuse_option(Place place, const std::string &name, const std::string &value,
                          const std::string &type)
{
    const Option *rule = find_option(place, name);
    if (rule == nullptr)
        return "it is not an option of k2bridge";
    if ((rule->types & type_bit(type)) == 0)
        return "it is not for servers of type " + type;
    return refuse_value(*rule, value);
}

bool needs_privilege(const Option &option, const std::string &value)
{
    const bool verify = option.kind == Kind::boolean && option.name == std::string_view("verify_tls");
    return option.privileged || (verify && read_boolean(value) == false);
}

std::string refuse_combination(Place place, const OptionList &options)
{
    const auto has = [&](std::string_view name) {
        return std::any_of(options.begin(), options.end(),
                           [&](const auto &option) { return option.first == name; });
    };
    if (place == Place::server)
        return has("key_file") && !has("cert_file") ? "option \"key_file\" needs \"cert_file\"" : "";
    const bool password = has("password") || has("password_file");
    const int ways = int{has("token")} + int{has("token_file")} + int{has("bearer")} +
                     int{has("bearer_file")} + int{has("password")} + int{has("password_file")};
    if (ways > 1)
        return "a user mapping holds one secret: token, token_file, bearer, bearer_file, password or "
               "password_file";
    if (password && !has("user"))
        return "a password needs option \"user\"";
    return has("user") && !password ? "option \"user\" needs \"password\" or \"password_file\"" : "";
}

std::optional<std::chrono::milliseconds> read_milliseconds(const std::string &value)
{
    int amount;
    const char *hint;
    if (!parse_int(value.c_str(), &amount, GUC_UNIT_MS, &hint) || amount < 1 || amount > 86'400'000)
        return {};
    return std::chrono::milliseconds(amount);
}

std::optional<int> read_connections(const std::string &value)
{
    int number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 1 || number > 256)
        return {};
    return number;
}

std::optional<double> read_rate(const std::string &value)
{
    double number = 0;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), number, std::chars_format::fixed);
    if (error != std::errc() || end != value.data() + value.size() || !(number >= 0 && number <= 100000))
        return {};
    return number;
}

std::optional<bool> read_boolean(const std::string &value)
{
    bool result;
    return parse_bool(value.c_str(), &result) ? std::optional(result) : std::nullopt;
}

std::optional<std::pair<int, int>> read_window(const std::string &value)
{
    if (value.size() != 11 || value[5] != '-')
        return {};
    const auto from = read_minute(std::string_view(value).substr(0, 5));
    auto to = read_minute(std::string_view(value).substr(6));
    if (!from || !to || *from == *to || *from == 24 * 60)
        return {};
    if (*to == 0) // midnight as people write it
        to = 24 * 60;
    return std::pair(*from, *to);
}

std::optional<bool> read_windows_1251(const std::string &value)
{
    std::string low(value);
    for (char &c : low)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    if (low == "utf8" || low == "utf-8")
        return false;
    return low == "cp1251" || low == "windows-1251" ? std::optional(true) : std::nullopt;
}

} // namespace outbox
