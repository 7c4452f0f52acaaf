// See secret.hpp. GnuTLS comes with libmicrohttpd.
#include "listener/secret.hpp"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdexcept>
#include <strings.h>

namespace listener
{

namespace
{

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// What follows the scheme, when the header is of that scheme.
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme)
{
    if (header.size() <= scheme.size() || header[scheme.size()] != ' ' ||
        strncasecmp(header.data(), scheme.data(), scheme.size()) != 0)
        return std::nullopt;
    header.remove_prefix(scheme.size());
    const size_t first = header.find_first_not_of(' ');
    return first == std::string_view::npos ? std::string_view()
                                           : header.substr(first, header.find_last_not_of(' ') - first + 1);
}

} // namespace

Digest sha256(std::string_view text)
{
    Digest digest;
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text.data(), text.size(), digest.data()) != 0)
        throw std::runtime_error("could not compute a digest");
    return digest;
}

bool equal(const Digest &a, const Digest &b)
{
    return gnutls_memcmp(a.data(), b.data(), a.size()) == 0;
}

Uuid random_uuid()
{
    Uuid uuid;
    if (gnutls_rnd(GNUTLS_RND_NONCE, uuid.data(), uuid.size()) != 0)
        throw std::runtime_error("could not get random bytes");
    uuid[6] = static_cast<unsigned char>((uuid[6] & 0x0F) | 0x40);
    uuid[8] = static_cast<unsigned char>((uuid[8] & 0x3F) | 0x80);
    return uuid;
}

std::string print(const Uuid &uuid)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (size_t i = 0; i < uuid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text += '-';
        text += digits[uuid[i] >> 4];
        text += digits[uuid[i] & 15];
    }
    return text;
}

std::optional<Credentials> read_authorization(std::string_view header)
{
    if (const auto token = after_scheme(header, "Bearer"))
        return token->empty() ? std::nullopt : std::optional(Credentials{std::nullopt, sha256(*token)});
    const auto encoded = after_scheme(header, "Basic");
    const auto pair = encoded ? from_base64(*encoded) : std::nullopt;
    const size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return std::nullopt;
    return Credentials{pair->substr(0, colon), sha256(std::string_view(*pair).substr(colon + 1))};
}

std::string to_base64(std::string_view bytes)
{
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        unsigned group = 0;
        for (size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (size_t k = 0; k < 4; ++k)
            text += i + k <= bytes.size() ? alphabet[group >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text)
{
    const std::string_view letters(alphabet, 64);
    std::string bytes;
    unsigned group = 0;
    int bits = 0;
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    for (const char letter : text) {
        const size_t value = letters.find(letter);
        if (value == std::string_view::npos)
            return std::nullopt;
        group = group << 6 | static_cast<unsigned>(value);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes += static_cast<char>(group >> bits & 0xFF);
        }
    }
    return bytes;
}

} // namespace listener
