// A TCP connection to the listener under test: bytes out in pieces, replies in, each with a deadline.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace fuzz
{

struct Reply {
    int status = 0;
    std::string head, body; // head: status line and headers
};

long length_in(std::string head); // its Content-Length, or -1

class Connection
{
public:
    // Throws std::runtime_error when nobody listens.
    explicit Connection(int port);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    // False: the other side has gone.
    bool send(std::string_view bytes);
    void finish(); // nothing more will be sent

    // The next reply with a Content-Length; nothing when the connection ended before it was complete or the
    // time was over.
    std::optional<Reply> receive(std::chrono::seconds patience);

    // All that comes until the other side closes; nothing when it does not in time.
    std::optional<std::string> drain(std::chrono::seconds patience);

private:
    bool fill(std::chrono::steady_clock::time_point until);

    int socket_;
    bool ended_ = false;
    std::string arrived_;
};

} // namespace fuzz
