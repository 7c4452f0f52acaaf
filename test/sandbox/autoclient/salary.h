/*
 * The salary project: groups, receivers, packets of payments and the lines of maspay packets.
 *
 * Promises: amounts are whole hundredths and go out as JSON numbers with two decimals; a packet is
 * changed only in the states the document allows. Errors are of the salary family. Source: autoclient.md
 * section 8.
 */
#pragma once

#include "input.h"
#include "model.h"

#include <string>
#include <vector>

namespace sandbox::autoclient
{

struct Receiver {
    std::string id;
    std::uint32_t company = 0;
    std::string pan; // masked
    std::vector<std::string> fio;
    std::string inn;
    std::string group;
    std::string tabn;
};

struct PacketLine {
    std::string ref;
    std::string receiver;
    std::string comment;
    Amount amount = 0;
    std::string status = "N";
    std::string error;
};

struct Packet {
    std::string reference;
    std::uint32_t company = 0;
    std::string system = "maspay";
    std::string group = "SALARY";
    Day created = 0;
    bool finished = false;
    std::string status = "N";
    std::string substatus;
    std::string name;
    std::string error;
    std::int64_t revision = 1;
    bool validating = false; // ends when it is asked for next
    std::vector<PacketLine> lines;
    std::uint64_t next_line = 1;
};

class Salary
{
public:
    explicit Salary(const Model &model);

    Reply groups(const Caller &caller, const Request &request) const;
    Reply receivers(const Caller &caller, const Request &request) const;
    Reply update_receiver(const Caller &caller);
    Reply packets(const Caller &caller, const Request &request);
    Reply header(const Caller &caller, const Request &request);
    Reply content(const Caller &caller, const Request &request);
    Reply add_line(const Caller &caller, const Request &request);
    Reply remove_line(const Caller &caller, const Request &request);
    Reply validate(const Caller &caller, const Request &request);
    Reply create(const Caller &caller);

    std::string to_json() const;

private:
    Packet &find(const Caller &caller, const Request &request);
    const Receiver *receiver(const Packet &packet, const std::string &id) const;
    void settle(Packet &packet) const;
    void make_editable(Packet &packet) const;
    std::string packet_json(const Packet &packet, bool listed) const;
    std::string line_json(const Packet &packet, const PacketLine &line) const;

    const Model &model_;
    std::vector<Receiver> receivers_;
    std::vector<Packet> packets_;
};

} // namespace sandbox::autoclient
