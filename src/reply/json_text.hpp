// A strict JSON scanner over the received text. It validates once and hands out slices of that text, so that
// numbers stay byte for byte what the bank wrote, and it refuses what PostgreSQL's jsonb cannot hold: \u0000,
// lone surrogates, nesting above 1000, numbers beyond numeric (131072 digits before, 16383 after the point),
// more than 255 MB.
#pragma once

#include "http/core_only.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace reply
{

/// What is wrong and at which byte, for people (lower case, no full stop).
struct BadJson : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Departures from JSON that documented replies make, at the top level only.
enum class Tolerance {
    none,
    missing_commas, ///< between the members of an object (wire/k2.md D27)
    pairs_in_array  ///< "name":value before the elements of an array (wire/k2.md D30)
};

struct Member {
    std::string name;       ///< decoded
    std::string_view value; ///< slice of the text
};

/// A document's top level; everything below is validated but stays text.
struct Document {
    enum class Kind { object, array, scalar };
    Kind kind{Kind::scalar};
    std::vector<Member> members;             ///< of an object, or the pairs of a tolerated array
    std::vector<std::string_view> elements;  ///< of an array
    std::vector<std::size_t> missing_commas; ///< offsets at which the text lacks a comma

    /// The value of the last member of that name, as jsonb reads it; empty when absent.
    std::string_view find(std::string_view name) const;
};

/// Scans a whole text, which must be valid UTF-8. The slices live as long as `text`. Throws BadJson.
Document scan(std::string_view text, Tolerance tolerance = Tolerance::none);

/// What a string literal (a slice with its quotes) says. Throws BadJson when it is none.
std::string decode_string(std::string_view literal);

} // namespace reply
