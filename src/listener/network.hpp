// Addresses and networks of those who call: parsing, membership, and who stands behind a trusted proxy.
//
// IPv4 addresses mapped into IPv6 count as IPv4. No PostgreSQL types, no errors raised: what cannot be read
// is absent.
#pragma once

#include "http/core_only.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace listener
{

struct Address {
    int family = 0; // AF_INET, AF_INET6; 0: unknown
    std::array<unsigned char, 16> bytes{};

    bool operator==(const Address &) const = default;
};

std::optional<Address> parse_address(const std::string &text);
Address address_of(const sockaddr *from);
std::string print(const Address &address); // empty when unknown

struct Network {
    Address base;
    int bits = 0;
};

std::optional<Network> parse_network(const std::string &text); // "10.0.0.0/8", "::1", "127.0.0.1"
bool contains(const Network &network, const Address &address);
bool contains(const std::vector<Network> &networks, const Address &address);

// Reads a comma-separated list of networks; nothing when one of them is none.
std::optional<std::vector<Network>> parse_networks(std::string_view list);

// The caller: the peer itself, or behind trusted proxies the last address of X-Forwarded-For that is no
// trusted proxy.
Address caller_of(const Address &peer, std::string_view forwarded_for, const std::vector<Network> &trusted);

} // namespace listener
