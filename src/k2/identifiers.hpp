// Check digits of the identifiers of К2: IIN/BIN and IBAN. Pure functions on ASCII text.
//
// Sources: wire/k2.md section 8.3 (IIN: weights 1…11, then 3…11,1,2) and 8.4 (IBAN: mod 97 = 1; KZ has 20
// characters). The documented samples fail these checks, so the services apply them only where
// k2bridge.check_iin and k2bridge.check_iban ask for it.
#pragma once

#include <string_view>

namespace k2
{

constexpr bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

constexpr bool all_digits(std::string_view text)
{
    for (char c : text)
        if (!is_digit(c))
            return false;
    return true;
}

// 12 digits whose last one is the check digit; a number for which both passes give 10 is not in use.
constexpr bool iin_valid(std::string_view iin)
{
    if (iin.size() != 12 || !all_digits(iin))
        return false;
    int first = 0, second = 0;
    for (int i = 0; i < 11; ++i) {
        const int digit = iin[static_cast<size_t>(i)] - '0';
        first += digit * (i + 1);
        second += digit * (i < 9 ? i + 3 : i - 8);
    }
    const int check = first % 11 < 10 ? first % 11 : second % 11;
    return check < 10 && iin[11] - '0' == check;
}

// Country letters, two check digits, the rest A–Z and 0–9; a Kazakh one has 20 characters, the bank code
// being digits.
constexpr bool iban_valid(std::string_view iban)
{
    if (iban.size() < 15 || iban.size() > 34)
        return false;
    const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (!letter(iban[0]) || !letter(iban[1]) || !is_digit(iban[2]) || !is_digit(iban[3]))
        return false;
    if (iban.substr(0, 2) == "KZ" && (iban.size() != 20 || !all_digits(iban.substr(4, 3))))
        return false;
    int rest = 0;
    for (size_t i = 0; i < iban.size(); ++i) {
        const char c = iban[(i + 4) % iban.size()];
        if (is_digit(c))
            rest = (rest * 10 + (c - '0')) % 97;
        else if (letter(c))
            rest = (rest * 100 + (c - 'A' + 10)) % 97;
        else
            return false;
    }
    return rest == 1;
}

} // namespace k2
