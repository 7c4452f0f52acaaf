// GET /restapi/getfile and POST /restapi/upload: scans of contracts out and in, with the rights of the
// client's role on k2.get_file, k2.read_file and k2.attach_file. Include before pg/*.hpp.
#pragma once

#include "listener/server.hpp"
#include "listener/service.hpp"

namespace listener
{

// The head of the reply; its body is read piece by piece while it is sent. Inside a transaction frame.
Answer send_file(const Exchange &exchange);

// The next piece of a file; nothing when it is gone. In a transaction of its own.
std::optional<std::string> next_piece(const Stream &stream);

// Attaches the uploaded scan to a line of an RZAP. Inside a transaction frame.
Answer take_upload(const Exchange &exchange);

// Content-Disposition as RFC 6266 wants it for a name in UTF-8.
std::string disposition(const std::string &kind, const std::string &name);

} // namespace listener
