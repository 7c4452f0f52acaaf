// One connection to the server under test: statements with text parameters, errors as SQLSTATE and message,
// and what the backend holds of memory.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz
{

// The server ended the connection: it, or the backend, has died.
struct Lost : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Outcome {
    std::string state;   // SQLSTATE, empty when the statement succeeded
    std::string message; // of the error
    std::vector<std::vector<std::string>> rows;

    bool failed() const { return !state.empty(); }
    // The only value of the only row.
    const std::string &value() const { return rows.at(0).at(0); }
};

class Backend
{
public:
    explicit Backend(const std::string &conninfo);

    // Parameters travel in binary as type text, so that any byte reaches the server.
    Outcome run(const char *sql, const std::vector<std::string_view> &parameters = {});
    // The same, for statements that must succeed: otherwise throws std::runtime_error.
    Outcome must(const char *sql, const std::vector<std::string_view> &parameters = {});

    int pid() const { return PQbackendPID(connection_.get()); }
    // kB in memory now and at most, by /proc; 0 when the server runs elsewhere.
    long resident() const { return status("VmRSS:"); }
    long peak() const { return status("VmHWM:"); }

private:
    struct Close {
        void operator()(PGconn *connection) const { PQfinish(connection); }
    };
    long status(std::string_view key) const;

    std::unique_ptr<PGconn, Close> connection_;
};

} // namespace fuzz
