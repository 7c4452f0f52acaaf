// The pools of values.hpp, and how a value is chosen.
#include "values.hpp"

#include <array>
#include <string_view>

namespace fuzz
{

namespace
{

using std::string_view;

constexpr std::array numbers{"0",
                             "-0",
                             "-0.0",
                             "1",
                             "7",
                             "-1",
                             "0.1",
                             "0.10",
                             "1.10",
                             "86429.87",
                             "99999999999999.99",
                             "2000000.00",
                             "1e2",
                             "1E+2",
                             "12e-1",
                             "1e-2",
                             "1e-3",
                             "0.001",
                             "13.13",
                             "1e17",
                             "1e18",
                             "-1e18",
                             "999999999999999999.99",
                             "1000000000000000000",
                             "2147483647",
                             "2147483648",
                             "-2147483648",
                             "-2147483649",
                             "9223372036854775807",
                             "9223372036854775808",
                             "-9223372036854775808",
                             "-9223372036854775809",
                             "1e400",
                             "1e-400",
                             "1e131071",
                             "1e131072",
                             "1e-16383",
                             "1e99999999999",
                             "000000000010",
                             "01",
                             "1.",
                             ".5",
                             "+1",
                             "0x10",
                             "NaN",
                             "Infinity",
                             "-",
                             "1e",
                             "1_000"};

constexpr std::array strings{"",
                             " ",
                             "0",
                             "-0",
                             "7",
                             " 7",
                             "7 ",
                             "+7",
                             "-7",
                             "0.10",
                             "0.100",
                             "1.005",
                             "86429.87",
                             "99999999999999.99",
                             "1,5",
                             "1.",
                             ".5",
                             "1e3",
                             "NaN",
                             "Infinity",
                             "-Infinity",
                             "0x10",
                             "1_000",
                             "--1",
                             "-",
                             "9223372036854775807",
                             "9223372036854775808",
                             "null",
                             "true",
                             "2014-02-08",
                             "2014.02.08",
                             "08.02.2014",
                             "2014-02.08",
                             "08-02-2014",
                             "8.2.2014",
                             "2014-2-8",
                             "14-02-08",
                             "20140208",
                             "2014-02-29",
                             "2016-02-29",
                             "2100-02-29",
                             "2000-02-29",
                             "0000-01-01",
                             "0001-01-01",
                             "9999-12-31",
                             "10000-01-01",
                             "2014-13-01",
                             "2014-00-10",
                             "2014-01-00",
                             "31.04.2014",
                             "2014-02-08 00:00:00",
                             "2014-02-08T23:59:59.999+06:00",
                             "2014-02-08 24:00",
                             "2014-02-08 25:00",
                             "2014-02-08 10:60",
                             "2014-02-08 10:00:61",
                             "2014-02-08T10:00Z",
                             "2014-02-08T10:00z",
                             "2014-02-08T10:00+6",
                             "2014-02-08T10:00+0600",
                             "2014-02-08T10:00+06:",
                             "2014-02-08T10:00-15",
                             "2014-02-08T10:00-16",
                             "2014-02-08T",
                             "2014-02-08 10",
                             "2014-02-08 10:00:00.",
                             "2014-02-08 10:00:00.1234567890",
                             "2014-02-08 BC",
                             "infinity",
                             "today",
                             "epoch",
                             "J2450000",
                             "000000000000",
                             "000000000010",
                             "00000000001",
                             "0000000000100",
                             "00000000001a",
                             "00000000001 ",
                             "000000000001\n",
                             "٠٠٠٠٠٠٠٠٠٠٠٠",
                             "００００００００００００",
                             "KZ68601TEST000000001",
                             "KZ000000000000000000",
                             "kz68601test000000001",
                             "way4",
                             "colvir",
                             "WAY4",
                             "KZT",
                             "USD",
                             "PTPJ200000000037",
                             "PTP00000000001",
                             "HSBKRX0000000003",
                             "PC1",
                             "PC3",
                             "EXECUTED",
                             "01",
                             "99",
                             "07",
                             "%s%n$1",
                             "%",
                             "{}",
                             "[]",
                             "\\",
                             "\"",
                             "'; DROP TABLE k2.loan; --",
                             "$1",
                             "\x01\x02\x1f",
                             "\x7f",
                             "\t\n\r",
                             "é",
                             "e\xcc\x81",
                             "\xe2\x80\xae"
                             "abc",
                             "\xf0\x9f\x92\xb0",
                             "\xef\xbf\xbd",
                             "\xef\xbb\xbf",
                             "\xe2\x80\xa8",
                             "\xf4\x8f\xbf\xbf",
                             "Тестовый Тест Тестович",
                             "refused by a constraint"};

// Literals that no quoting would produce.
constexpr std::array oddities{"\"\\u0000\"",
                              "\"\\ud800\"",
                              "\"\\udc00\\ud800\"",
                              "\"\\ud83d\\ude00\"",
                              "\"\\u0001\"",
                              "\"\\u202e\"",
                              "\"\\x\"",
                              "\"\xff\xfe\"",
                              "\"\xc0\x80\"",
                              "\"\xed\xa0\x80\"",
                              "\"tab\there\"",
                              "true",
                              "false",
                              "null",
                              "[]",
                              "{}",
                              "[[]]",
                              "{\"a\":null}",
                              "[null]",
                              "[1,2]"};

constexpr std::array keys{"iinbin",    "debt",  "request_id", "refer",           "items",
                          "system",    "extra", "error_code", "position",        "",
                          "id",        "ID",    "debt ",      "contract_number", "title",
                          "__proto__", "\x01",  "ключ",       "\xf0\x9f\x94\x91"};

// Characters that do not compress, so that an index row shows its true length.
std::string noise(Random &random, std::size_t size)
{
    constexpr string_view alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";
    std::string text(size, ' ');
    for (char &c : text)
        c = alphabet[random.below(alphabet.size())];
    return text;
}

std::size_t length(Random &random)
{
    constexpr std::array<std::size_t, 12> lengths{11, 12, 13, 20, 21, 64, 65, 500, 501, 3000, 9000, 100000};
    return random.once_in(50) ? 4u << 20 : random.pick(lengths);
}

std::string digits(Random &random, std::size_t size)
{
    std::string text = noise(random, size);
    for (char &c : text)
        c = static_cast<char>('0' + c % 10);
    return text;
}

std::string long_number(Random &random)
{
    const std::string many = digits(random, random.once_in(2) ? 400 : 19);
    switch (random.below(4)) {
    case 0:
        return "1" + many;
    case 1:
        return "-1" + many + ".5";
    case 2:
        return "0." + many;
    default:
        return "1." + many.substr(0, 2) + std::string(many.size(), '0');
    }
}

} // namespace

Json nest(Random &random, Json inner)
{
    constexpr std::array<std::size_t, 7> depths{1, 2, 10, 100, 1000, 4000, 20000};
    const std::size_t depth = random.pick(depths);
    const bool arrays = random.once_in(2);
    std::string text;
    for (std::size_t i = 0; i < depth; ++i)
        text += arrays ? "[" : "{\"a\":";
    text += write(inner);
    text.append(depth, arrays ? ']' : '}');
    return Json::literal(std::move(text));
}

Json value(Random &random)
{
    switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
        return Json::literal(random.pick(numbers));
    case 3:
    case 4:
    case 5:
    case 6:
        return Json::string(random.pick(strings));
    case 7:
        return Json::literal(random.pick(oddities));
    case 8:
        return random.once_in(2) ? Json::literal(long_number(random)) : Json::string(long_number(random));
    case 9:
        return Json::string(digits(random, random.once_in(2) ? 12 : random.below(30)));
    case 10:
        return Json::string(noise(random, length(random)));
    default:
        return random.once_in(6) ? nest(random, Json::string("x")) : Json::literal(random.pick(numbers));
    }
}

std::string key(Random &random)
{
    if (random.once_in(20))
        return quote(noise(random, length(random)));
    return random.once_in(40) ? "\"\\u0000\"" : quote(random.pick(keys));
}

} // namespace fuzz
