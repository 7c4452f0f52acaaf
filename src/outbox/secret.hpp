// Files named by options: secrets (token_file, bearer_file, password_file), read again when they changed.
//
// "Changed" is judged by device, inode, size and times to the nanosecond. A secret is a text of 1 to 8192
// bytes without control characters; line ends at its end do not belong to it. Plain C++, no PostgreSQL. Texts
// of errors tell what is wrong with the file, never its content.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace outbox
{

struct BadSecret : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What a file looks like from outside; all 0 when it cannot be looked at.
struct FileStamp {
    std::uint64_t device{0}, inode{0};
    std::int64_t size{0}, modified_ns{0}, changed_ns{0};
    bool operator==(const FileStamp &) const = default;
};

FileStamp stamp(const std::string &path) noexcept;

// Whether anybody on this machine may read the file; false when it cannot be looked at.
bool readable_by_all(const std::string &path) noexcept;

// Why this process cannot read the file, or empty.
std::string refuse_file(const std::string &path);

// The secret in the file. Throws BadSecret: "No such file or directory", "it is empty", "it is not a regular
// file" …
std::string read_secret(const std::string &path);

// Why a text cannot be a secret, or empty. `header`: it travels as it is in a header field, so visible ASCII
// only.
std::string refuse_secret(const std::string &secret, bool header);

} // namespace outbox
