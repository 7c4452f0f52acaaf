// See network.hpp.
#include "listener/network.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>

namespace listener
{

namespace
{

std::string_view trimmed(std::string_view text)
{
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Address from_six(const in6_addr &six)
{
    Address address;
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        address.family = AF_INET;
        std::memcpy(address.bytes.data(), six.s6_addr + 12, 4);
    } else {
        address.family = AF_INET6;
        std::memcpy(address.bytes.data(), six.s6_addr, 16);
    }
    return address;
}

} // namespace

std::optional<Address> parse_address(const std::string &text)
{
    Address address;
    in6_addr six;
    if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
        address.family = AF_INET;
        return address;
    }
    if (inet_pton(AF_INET6, text.c_str(), &six) == 1)
        return from_six(six);
    return std::nullopt;
}

Address address_of(const sockaddr *from)
{
    Address address;
    if (from && from->sa_family == AF_INET) {
        address.family = AF_INET;
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in *>(from)->sin_addr, 4);
    } else if (from && from->sa_family == AF_INET6) {
        address = from_six(reinterpret_cast<const sockaddr_in6 *>(from)->sin6_addr);
    }
    return address;
}

std::string print(const Address &address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address.family != 0)
        inet_ntop(address.family, address.bytes.data(), text, sizeof text);
    return text;
}

std::optional<Network> parse_network(const std::string &text)
{
    const size_t slash = text.find('/');
    const auto base = parse_address(text.substr(0, slash));
    if (!base)
        return std::nullopt;
    const int longest = base->family == AF_INET ? 32 : 128;
    Network network{*base, longest};
    if (slash != std::string::npos) {
        const char *begin = text.data() + slash + 1, *end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(begin, end, network.bits);
        if (error != std::errc() || stop != end || network.bits < 0 || network.bits > longest)
            return std::nullopt;
    }
    return network;
}

bool contains(const Network &network, const Address &address)
{
    if (address.family == 0 || network.base.family != address.family)
        return false;
    const int whole = network.bits / 8, rest = network.bits % 8;
    if (std::memcmp(network.base.bytes.data(), address.bytes.data(), static_cast<size_t>(whole)) != 0)
        return false;
    const unsigned mask = 0xFF00U >> rest & 0xFFU;
    return rest == 0 || ((network.base.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

bool contains(const std::vector<Network> &networks, const Address &address)
{
    return std::any_of(networks.begin(), networks.end(),
                       [&address](const Network &network) { return contains(network, address); });
}

std::optional<std::vector<Network>> parse_networks(std::string_view list)
{
    std::vector<Network> networks;
    while (!trimmed(list).empty()) {
        const size_t comma = list.find(',');
        const auto network = parse_network(std::string(trimmed(list.substr(0, comma))));
        if (!network)
            return std::nullopt;
        networks.push_back(*network);
        list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
    return networks;
}

Address caller_of(const Address &peer, std::string_view forwarded_for, const std::vector<Network> &trusted)
{
    Address caller = peer;
    while (contains(trusted, caller) && !trimmed(forwarded_for).empty()) {
        const size_t comma = forwarded_for.rfind(',');
        const std::string_view last =
            comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1);
        const auto before = parse_address(std::string(trimmed(last)));
        if (!before)
            return {};
        caller = *before;
        forwarded_for = comma == std::string_view::npos ? std::string_view() : forwarded_for.substr(0, comma);
    }
    return caller;
}

} // namespace listener
