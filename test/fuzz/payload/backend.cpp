// libpq behind backend.hpp.
#include "backend.hpp"

#include <fstream>

namespace fuzz
{

namespace
{

constexpr Oid text_type = 25;

struct Clear {
    void operator()(PGresult *result) const { PQclear(result); }
};

Outcome outcome(const PGresult *result)
{
    Outcome out;
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        out.state = state != nullptr ? state : "?????";
        out.message = message != nullptr ? message : PQresultErrorMessage(result);
        return out;
    }
    for (int row = 0; row < PQntuples(result); ++row) {
        auto &values = out.rows.emplace_back();
        for (int column = 0; column < PQnfields(result); ++column)
            values.emplace_back(PQgetvalue(result, row, column),
                                static_cast<std::size_t>(PQgetlength(result, row, column)));
    }
    return out;
}

} // namespace

Backend::Backend(const std::string &conninfo) : connection_(PQconnectdb(conninfo.c_str()))
{
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw Lost(PQerrorMessage(connection_.get()));
}

Outcome Backend::run(const char *sql, const std::vector<std::string_view> &parameters)
{
    std::vector<Oid> types(parameters.size(), text_type);
    std::vector<const char *> values;
    std::vector<int> lengths, formats(parameters.size(), 1);
    for (const std::string_view parameter : parameters) {
        values.push_back(parameter.data());
        lengths.push_back(static_cast<int>(parameter.size()));
    }
    const std::unique_ptr<PGresult, Clear> result(
        PQexecParams(connection_.get(), sql, static_cast<int>(parameters.size()), types.data(), values.data(),
                     lengths.data(), formats.data(), 0));
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw Lost(PQerrorMessage(connection_.get()));
    return outcome(result.get());
}

Outcome Backend::must(const char *sql, const std::vector<std::string_view> &parameters)
{
    Outcome out = run(sql, parameters);
    if (out.failed())
        throw std::runtime_error(std::string(sql) + ": " + out.state + " " + out.message);
    return out;
}

long Backend::status(std::string_view key) const
{
    std::ifstream file("/proc/" + std::to_string(pid()) + "/status");
    for (std::string word; file >> word;) {
        long value = 0;
        if (word == key && file >> value)
            return value;
    }
    return 0;
}

} // namespace fuzz
