// Chances that follow from a seed.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>

namespace fuzz
{

class Random
{
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
    bool once_in(std::size_t count) { return below(count) == 0; }
    template <class Pool> auto &pick(Pool &pool) { return pool[below(std::size(pool))]; }

private:
    std::mt19937_64 engine_;
};

} // namespace fuzz
