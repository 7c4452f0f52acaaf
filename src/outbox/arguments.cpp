// See arguments.hpp.
#include "http/charset.hpp"
#include "outbox/arguments.hpp"

#include "pg/guard.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
}

namespace outbox
{

namespace
{

// Server idiom: these may raise and run inside pg::call; the strings they fill live outside.
void assign_utf8(std::string &to, const char *text, int length)
{
    const char *utf8 = pg_server_to_any(text, length, PG_UTF8);
    to.assign(utf8, utf8 == text ? static_cast<size_t>(length) : strlen(utf8));
}

void assign_scalar(std::string &to, const JsonbValue &value)
{
    if (value.type == jbvString) {
        assign_utf8(to, value.val.string.val, value.val.string.len);
    } else if (value.type == jbvNumeric) {
        to.assign(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric))));
    } else if (value.type == jbvBool) {
        to.assign(value.val.boolean ? "true" : "false");
    }
}

const JsonbValue *text_member(JsonbContainer *object, const char *key)
{
    const JsonbValue *value =
        getKeyJsonValueFromContainer(object, key, static_cast<int>(strlen(key)), nullptr);
    return value != nullptr && value->type == jbvString ? value : nullptr;
}

void read_file(Argument &argument, const JsonbValue &value)
{
    JsonbContainer *object = value.val.binary.data;
    if (!JsonContainerIsObject(object))
        return;
    const JsonbValue *content = text_member(object, "content");
    if (content == nullptr)
        return;
    argument.file.emplace();
    const Datum base64 =
        PointerGetDatum(cstring_to_text_with_len(content->val.string.val, content->val.string.len));
    const bytea *bytes =
        DatumGetByteaPP(DirectFunctionCall2(binary_decode, base64, CStringGetTextDatum("base64")));
    argument.file->content.assign(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
    if (const JsonbValue *name = text_member(object, "file_name"))
        assign_scalar(argument.file->name, *name);
    if (const JsonbValue *type = text_member(object, "content_type"))
        assign_scalar(argument.file->content_type, *type);
}

void read_value(Argument &argument, const JsonbValue &value)
{
    if (value.type == jbvNull)
        return;
    const bool nested = value.type == jbvBinary;
    argument.kind = nested ? Argument::Kind::nested : Argument::Kind::scalar;
    if (nested)
        read_file(argument, value);
    else
        assign_scalar(argument.text, value);
}

// One object or array that is being walked through.
struct Level {
    bool array;
    int index; // of the element at hand, -1 before the first
    std::string key;
};

std::string path_of(const std::vector<Level> &levels)
{
    std::string path;
    for (const Level &each : levels) {
        if (each.array)
            path += "[" + std::to_string(each.index) + "]";
        else
            path += (path.empty() ? "" : ".") + each.key;
    }
    return path;
}

void follow(std::vector<Level> &levels, JsonbIteratorToken token)
{
    if (token == WJB_END_OBJECT || token == WJB_END_ARRAY)
        levels.pop_back();
    else if (token != WJB_KEY && !levels.empty() && levels.back().array)
        ++levels.back().index;
    if (token == WJB_BEGIN_OBJECT || token == WJB_BEGIN_ARRAY)
        levels.push_back({token == WJB_BEGIN_ARRAY, -1, {}});
}

} // namespace

bool is_object(const Jsonb *args)
{
    return JB_ROOT_IS_OBJECT(args);
}

Arguments read_arguments(const Jsonb *args)
{
    Arguments arguments;
    if (!is_object(args))
        return arguments;
    pg::call([&] {
        JsonbIterator *iterator = JsonbIteratorInit(const_cast<JsonbContainer *>(&args->root));
        JsonbValue value;
        JsonbIteratorToken token;
        while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE) {
            if (token == WJB_KEY)
                assign_utf8(arguments.emplace_back().key, value.val.string.val, value.val.string.len);
            else if (token == WJB_VALUE)
                read_value(arguments.back(), value);
        }
    });
    return arguments;
}

std::string json_text(const Jsonb *args, const std::vector<std::string> &left_out)
{
    std::string text;
    pg::call([&] {
        Datum rest = JsonbPGetDatum(args);
        for (const std::string &key : left_out)
            rest = DirectFunctionCall2(jsonb_delete, rest, CStringGetTextDatum(key.c_str()));
        Jsonb *kept = DatumGetJsonbP(rest);
        const char *printed = JsonbToCString(nullptr, &kept->root, VARSIZE(kept));
        assign_utf8(text, printed, static_cast<int>(strlen(printed)));
    });
    return text;
}

std::optional<Misfit> windows_1251_misfit(const Jsonb *args)
{
    std::optional<Misfit> found;
    std::vector<Level> levels;
    std::string text;
    pg::call([&] {
        JsonbIterator *iterator = JsonbIteratorInit(const_cast<JsonbContainer *>(&args->root));
        JsonbValue value;
        JsonbIteratorToken token;
        while (!found && (token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE) {
            follow(levels, token);
            const bool holds_text = token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM;
            if (!holds_text || value.type != jbvString)
                continue;
            assign_utf8(text, value.val.string.val, value.val.string.len);
            if (token == WJB_KEY)
                levels.back().key = text;
            if (const auto missing = http::missing_in_1251(text); !missing.empty())
                found = Misfit{path_of(levels), std::string(missing)};
        }
    });
    return found;
}

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_windows_1251_misfit);

// k2bridge.windows_1251_misfit(args jsonb) → {field, character}, null when everything can be written
PGDLLEXPORT Datum k2bridge_windows_1251_misfit(PG_FUNCTION_ARGS)
{
    const Jsonb *args = PG_GETARG_JSONB_P(0);
    Datum result = 0;
    const bool found = pg::entry([&] {
        const auto misfit = outbox::windows_1251_misfit(args);
        if (misfit) {
            const std::vector<std::string> pair{misfit->path, misfit->character};
            result = pg::call([&] { return pg::text_array(pair); });
        }
        return misfit.has_value();
    });
    if (!found)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(result);
}

} // extern "C"
