// Walking through JSON text that is known to be valid (scan() or PostgreSQL has read it): one pass, slices of
// the text, no tree and no memory of its own. Plain data, so that server code may use it beside ereport.
//
// Text that is not valid gives slices without meaning, but the walk stays inside it and comes to an end.
#pragma once

#include "http/core_only.hpp"

#include <cstddef>
#include <string_view>

namespace reply
{

class Walk
{
public:
    explicit Walk(std::string_view text) : text_(text) {}

    /// Enters an array or object when one begins here: '[' or '{'.
    bool enter(char open);

    /// In an array or object: whether another element or member follows; steps out behind `close` when not.
    bool more(char close);

    /// The name of the member that follows, a string literal with its quotes; the walk stands before its
    /// value.
    std::string_view name();

    /// The value that follows, whatever it holds.
    std::string_view value();

private:
    void blank();
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skip_string();
    void skip_nest();
    void skip_word();

    std::string_view text_;
    std::size_t at_{0};
};

/// What is between the quotes of a string literal, undecoded; empty for anything else.
std::string_view inside(std::string_view literal);

/// Whether a literal is to be decoded before it says what it means.
bool has_escapes(std::string_view literal);

/// Decodes the inside of a string literal without \u escapes into `out`, which has room for it; how many
/// bytes.
std::size_t decode_simple(std::string_view content, char *out);

/// Whether there are \u escapes, which decode_simple() leaves to others.
bool has_unicode_escapes(std::string_view content);

} // namespace reply
