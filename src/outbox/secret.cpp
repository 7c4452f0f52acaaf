// See secret.hpp.
#include "outbox/secret.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace outbox
{

namespace
{

constexpr std::size_t longest_secret = 8192;

class Descriptor
{
public:
    // Not blocking: opening a FIFO must not hang the worker.
    explicit Descriptor(const std::string &path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))
    {
    }
    ~Descriptor()
    {
        if (fd_ >= 0)
            close(fd_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

[[noreturn]] void fail_with_errno()
{
    throw BadSecret(std::generic_category().message(errno));
}

std::int64_t nanoseconds(const timespec &time)
{
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

} // namespace

FileStamp stamp(const std::string &path) noexcept
{
    struct stat info;
    if (stat(path.c_str(), &info) != 0)
        return {};
    return {info.st_dev, info.st_ino, info.st_size, nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
}

bool readable_by_all(const std::string &path) noexcept
{
    struct stat info;
    return stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

std::string refuse_file(const std::string &path)
{
    const Descriptor file(path);
    struct stat info;
    if (file.get() < 0 || fstat(file.get(), &info) != 0)
        return std::generic_category().message(errno);
    return S_ISREG(info.st_mode) ? "" : "it is not a regular file";
}

std::string refuse_secret(const std::string &secret, bool header)
{
    const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
    const auto invisible = [](char c) { return c <= ' ' || c == 0x7f; };
    if (secret.empty())
        return "it is empty";
    if (secret.size() > longest_secret)
        return "it is longer than 8192 bytes";
    if (std::any_of(secret.begin(), secret.end(), control))
        return "it contains a control character";
    if (header && std::any_of(secret.begin(), secret.end(), invisible))
        return "it contains a blank or a character that is not ASCII";
    return {};
}

std::string read_secret(const std::string &path)
{
    const Descriptor file(path);
    struct stat info;
    if (file.get() < 0 || fstat(file.get(), &info) != 0)
        fail_with_errno();
    if (!S_ISREG(info.st_mode))
        throw BadSecret("it is not a regular file");
    std::string text(longest_secret + 3, '\0'); // one byte more than a secret with its CR LF
    std::size_t length = 0;
    while (length < text.size()) {
        const ssize_t got = read(file.get(), text.data() + length, text.size() - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail_with_errno();
        if (got == 0)
            break;
        length += static_cast<std::size_t>(got);
    }
    text.resize(length);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    if (const std::string reason = refuse_secret(text, false); !reason.empty())
        throw BadSecret(reason);
    return text;
}

} // namespace outbox
