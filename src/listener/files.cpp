// See files.hpp.
#include "listener/files.hpp"

#include "listener/form.hpp"

#include "pg/identity.hpp"
#include "pg/sql.hpp"

namespace listener
{

namespace
{

constexpr int piece_size = 393216; // divisible by 3, for base64

pg::Statement
    find_file("SELECT f.id, f.name, f.mime, f.size, pg_catalog.md5(f.id::pg_catalog.text),"
              " pg_catalog.to_char(f.created_at AT TIME ZONE 'GMT', 'Dy, DD Mon YYYY HH24:MI:SS \"GMT\"')"
              " FROM k2.get_file($1) f WHERE f.id IS NOT NULL",
              TEXTOID);
pg::Statement read_piece("SELECT k2.read_file($1, $2, $3)", INT8OID, INT8OID, INT4OID);
pg::Statement attach("SELECT f.id, f.code FROM k2.attach_file($1, $2, $3, $4, nullif($5, ''), $6,"
                     " nullif($7, '')::pg_catalog.date) f",
                     TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID);

struct File {
    int64 id = 0, size = 0;
    std::string name, mime, tag, changed;
};

bool find(const Exchange &exchange, File &file)
{
    const std::string *code = exchange.parameter("code");
    return pg::call([&] {
        if (pg::run(find_file, {pg::text_datum(*code)}, nullptr, false) == 0)
            return false;
        file.id = pg::cell_int8(0, 1);
        file.size = pg::cell_int8(0, 4);
        pg::cell_text(0, 2, file.name);
        pg::cell_text(0, 3, file.mime);
        pg::cell_text(0, 5, file.tag);
        pg::cell_text(0, 6, file.changed);
        return true;
    });
}

bool wants(const Exchange &exchange, const char *name)
{
    const std::string *value = exchange.parameter(name);
    return value && (*value == "true" || *value == "1");
}

Message head(const Exchange &exchange, const File &file)
{
    Message message;
    const std::string tag = "\"" + file.tag + "\"";
    message.content_type = file.mime;
    message.headers.emplace_back("ETag", tag);
    message.headers.emplace_back("Last-Modified", file.changed);
    message.headers.emplace_back("Cache-Control", "private");
    const bool open = wants(exchange, "inline") && !wants(exchange, "attachment");
    message.headers.emplace_back("Content-Disposition",
                                 disposition(open ? "inline" : "attachment", file.name));
    if (exchange.known_tag == tag) {
        message.status = 304;
        return message;
    }
    message.stream = std::make_shared<Stream>();
    message.stream->file = file.id;
    message.stream->role = exchange.client->role;
    message.stream->size = static_cast<std::uint64_t>(file.size);
    message.stream->base64 = wants(exchange, "base64");
    return message;
}

Answer told(Message message)
{
    Answer answer;
    answer.status = message.status;
    answer.reply = message.body;
    answer.message = std::move(message);
    return answer;
}

Answer business(int code, const std::string &text)
{
    Message message;
    message.body = "{\"error_code\": " + std::to_string(code) + ", \"error_text\": " + json_text(text) + "}";
    return told(message);
}

// The value of a text field, empty when absent.
std::string text_of(const std::map<std::string, Field> &form, const char *name)
{
    const auto field = form.find(name);
    return field == form.end() ? std::string() : field->second.value;
}

std::string attach_scan(const std::map<std::string, Field> &form)
{
    const Field &scan = form.at("file");
    int64 id = 0;
    std::string code;
    pg::call([&] {
        pg::run(attach, {pg::text_datum(text_of(form, "refer")), pg::text_datum(text_of(form, "iin")),
                         pg::text_datum(text_of(form, "dbz_num")), pg::text_datum(scan.file_name),
                         CStringGetTextDatum(""), pg::bytea_datum(scan.value),
                         pg::text_datum(text_of(form, "dbz_dt"))});
        id = pg::cell_int8(0, 1);
        pg::cell_text(0, 2, code);
    });
    return "{\"error_code\": 0, \"error_text\": \"\", \"file_id\": \"" + std::to_string(id) +
           "\", \"code\": " + json_text(code) + "}";
}

} // namespace

Answer send_file(const Exchange &exchange)
{
    const std::string *code = exchange.parameter("code");
    if (code == nullptr || code->empty())
        return told(refusal(400, exchange.story, "Не заполнен параметр code"));
    File file;
    bool found = false;
    const auto error = pg::subtransaction(
        pg::Constraints::at_end, [&] { as_client(exchange, [&] { found = find(exchange, file); }); });
    if (error)
        return failed(exchange, *error, true);
    if (!found)
        return told(refusal(404, exchange.story, "Файл не найден"));
    return told(head(exchange, file));
}

std::optional<std::string> next_piece(const Stream &stream)
{
    std::string piece;
    const auto error = pg::transaction({"sending a file"}, [&] {
        pg::UserScope as_role(pg::call([&] { return get_role_oid(stream.role.c_str(), false); }));
        pg::call([&] {
            pg::run(read_piece, {Int64GetDatum(stream.file), Int64GetDatum(static_cast<int64>(stream.read)),
                                 Int32GetDatum(piece_size)});
            bool null;
            const Datum bytes = pg::cell(0, 1, &null);
            if (null)
                return;
            const bytea *content = DatumGetByteaPP(bytes);
            piece.assign(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
        });
    });
    if (error) {
        pg::log_error(LOG, *error);
        return std::nullopt;
    }
    return piece;
}

Answer take_upload(const Exchange &exchange)
{
    const auto form = read_form(exchange);
    if (!form)
        return told(refusal(400, exchange.story, "Тело запроса не является multipart/form-data"));
    for (const char *field : {"file", "refer", "iin", "dbz_num"})
        if (text_of(*form, field).empty())
            return business(422, std::string("Не заполнено поле ") + field);
    if (form->at("file").file_name.empty())
        return business(422, "Не указано имя файла");
    Answer answer;
    const auto error = pg::subtransaction(
        pg::Constraints::at_end, [&] { as_client(exchange, [&] { answer.reply = attach_scan(*form); }); });
    if (error && error->sqlstate == ERRCODE_NO_DATA_FOUND)
        return business(404, "Строка RZAP не найдена: " + text_of(*form, "refer"));
    if (error && error->sqlstate == ERRCODE_CARDINALITY_VIOLATION)
        return business(409, "Строк RZAP несколько, укажите dbz_dt: " + text_of(*form, "refer"));
    if (error && ERRCODE_TO_CATEGORY(error->sqlstate) == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION))
        return business(422, "Неверное значение поля формы: " + error->message);
    if (error)
        return failed(exchange, *error, true);
    answer.status = 200;
    answer.message.body = answer.reply;
    return answer;
}

} // namespace listener
