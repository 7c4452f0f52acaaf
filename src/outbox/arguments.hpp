// The arguments of a call, taken out of jsonb: texts in UTF-8, numbers exactly as jsonb prints them.
#pragma once

#include "pg/pg.hpp"

namespace outbox
{

// A file to upload: {"content": base64, "file_name": text, "content_type": text}, the latter two optional.
struct FileArgument {
    std::string name, content_type, content;
};

struct Argument {
    enum class Kind { null, scalar, nested };
    std::string key, text; // text only of a scalar
    Kind kind{Kind::null};
    std::optional<FileArgument> file; // nested only
};

using Arguments = std::vector<Argument>;

bool is_object(const Jsonb *args);

// The top-level members, in jsonb's order; empty for what is no object. 22023 for content that is not base64.
Arguments read_arguments(const Jsonb *args);

// The JSON text as jsonb prints it, without the members `left_out`, in UTF-8.
std::string json_text(const Jsonb *args, const std::vector<std::string> &left_out);

/// A text that windows-1251 cannot carry: where it stands ("receiver.fio[1]") and the first character it
/// lacks.
struct Misfit {
    std::string path, character;
};

/// The first such key or value at any depth, in jsonb's order.
std::optional<Misfit> windows_1251_misfit(const Jsonb *args);

} // namespace outbox
