/*
 * Replies whose body is made while it is sent. Contracts stand in stream.h.
 */
#include "stream.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace sandbox
{

namespace
{

constexpr std::string_view opening = "{\"error_text\":\"";
constexpr std::string_view ending = "\",\"error_code\":0}";
constexpr std::size_t block_size = 32 * 1024;

/* The usual reply up to a point, then the connection ends. */
struct Truncated {
    std::string sent;
};

ssize_t read_truncated(void *cls, std::uint64_t position, char *buffer, std::size_t size)
{
    const auto &state = *static_cast<Truncated *>(cls);
    if (position >= state.sent.size())
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return static_cast<ssize_t>(state.sent.copy(buffer, size, static_cast<std::size_t>(position)));
}

void free_truncated(void *cls)
{
    delete static_cast<Truncated *>(cls);
}

/* A JSON object with one string that fills `total` bytes; without total it never ends. */
struct Filled {
    std::uint64_t total = 0;
    std::uint64_t interval_ms = 0;
    std::uint64_t piece = 0;
    MHD_Connection *connection = nullptr;
    Waits *waits = nullptr;
    bool rested = true;
};

char filled_byte(const Filled &state, std::uint64_t position)
{
    if (position < opening.size())
        return opening[position];
    if (state.total > 0 && position >= state.total - ending.size())
        return ending[position - (state.total - ending.size())];
    return 'x';
}

ssize_t read_filled(void *cls, std::uint64_t position, char *buffer, std::size_t size)
{
    auto &state = *static_cast<Filled *>(cls);
    if (state.waits->stopped())
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (state.total > 0 && position >= state.total)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (state.interval_ms > 0 && !state.rested) {
        state.rested = true;
        return state.waits->suspend(state.connection, state.interval_ms) ? 0
                                                                         : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    state.rested = false;
    std::uint64_t length = state.piece > 0 ? std::min<std::uint64_t>(size, state.piece) : size;
    if (state.total > 0)
        length = std::min(length, state.total - position);
    std::memset(buffer, 'x', length);
    const std::uint64_t plain_from = opening.size();
    const std::uint64_t plain_to = state.total > 0 ? state.total - ending.size() : position + length;
    for (std::uint64_t i = 0; i < length; ++i)
        if (position + i < plain_from || position + i >= plain_to)
            buffer[i] = filled_byte(state, position + i);
    return static_cast<ssize_t>(length);
}

void free_filled(void *cls)
{
    delete static_cast<Filled *>(cls);
}

} // namespace

MHD_Response *stream_response(const FaultRule &rule, const Reply &usual, MHD_Connection *connection,
                              Waits &waits)
{
    if (rule.kind == FaultKind::truncate) {
        const std::size_t sent = rule.bytes > 0 ? rule.bytes : usual.body.size() / 2;
        auto *state = new Truncated{usual.body.substr(0, sent)};
        const std::uint64_t declared = std::max(usual.body.size(), state->sent.size() + 1);
        return MHD_create_response_from_callback(declared, block_size, read_truncated, state, free_truncated);
    }
    auto *state = new Filled;
    state->connection = connection;
    state->waits = &waits;
    if (rule.kind == FaultKind::huge) {
        state->total = std::max<std::uint64_t>(1, rule.megabytes) * 1024 * 1024;
    } else {
        state->interval_ms = rule.interval_ms;
        state->piece = rule.bytes;
    }
    const std::uint64_t declared = state->total > 0 && !rule.chunked ? state->total : MHD_SIZE_UNKNOWN;
    return MHD_create_response_from_callback(declared, block_size, read_filled, state, free_filled);
}

} // namespace sandbox
