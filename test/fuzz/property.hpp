// What the fuzz targets share: inputs in heap blocks of their exact size, so that
// AddressSanitizer sees the first byte read too many, and a check that ends the process
// when a promise is broken.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace fuzz
{

class Block
{
public:
    Block(const std::uint8_t *data, std::size_t size) : bytes_(new char[size]), size_(size)
    {
        if (size > 0)
            std::memcpy(bytes_.get(), data, size);
    }
    std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

inline void promise(bool kept, const char *what)
{
    if (kept)
        return;
    std::fprintf(stderr, "promise broken: %s\n", what);
    std::abort();
}

} // namespace fuzz
