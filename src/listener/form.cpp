// See form.hpp. The library's own reader does the work.
#include "listener/form.hpp"

namespace listener
{

namespace
{

MHD_Result add_value(void *cls, MHD_ValueKind, const char *key, const char *file_name, const char *type,
                     const char *, const char *data, std::uint64_t, size_t size)
try {
    Field &field = (*static_cast<std::map<std::string, Field> *>(cls))[key ? key : ""];
    field.value.append(data, size);
    field.file_name = file_name ? file_name : field.file_name;
    field.type = type ? type : field.type;
    return MHD_YES;
} catch (...) {
    return MHD_NO;
}

} // namespace

std::optional<std::map<std::string, Field>> read_form(const Exchange &exchange)
{
    std::map<std::string, Field> fields;
    MHD_PostProcessor *reader = MHD_create_post_processor(exchange.connection, 65536, add_value, &fields);
    if (reader == nullptr)
        return std::nullopt;
    const bool fed = MHD_post_process(reader, exchange.body.data(), exchange.body.size()) == MHD_YES;
    const bool complete = MHD_destroy_post_processor(reader) == MHD_YES;
    if (!fed || !complete || fields.empty())
        return std::nullopt;
    return fields;
}

} // namespace listener
