// See message.hpp.
#include "listener/message.hpp"

#include <microhttpd.h>

namespace listener
{

namespace
{

const char *words(int status)
{
    switch (status) {
    case 400:
        return "Неверный запрос";
    case 401:
        return "Требуется авторизация";
    case 403:
        return "Доступ запрещён";
    case 404:
        return "Не найдено";
    case 405:
    case 501:
        return "Метод не поддерживается";
    case 408:
        return "Запрос не получен за отведённое время";
    case 413:
        return "Слишком большой запрос";
    case 414:
        return "Слишком длинный адрес";
    case 415:
        return "Ожидается application/json в кодировке UTF-8";
    case 431:
        return "Слишком большие заголовки";
    case 503:
        return "Сервис временно недоступен";
    case 505:
        return "Версия HTTP не поддерживается";
    default:
        return "Внутренняя ошибка";
    }
}

} // namespace

std::string json_text(std::string_view text)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (quoted += '\\') += c;
        else if (byte < 0x20)
            ((quoted += "\\u00") += digits[byte >> 4]) += digits[byte & 15];
        else
            quoted += c;
    }
    return quoted += '"';
}

Message refusal(int status, const std::string &correlation, std::string text)
{
    Message message;
    message.status = status;
    if (text.empty())
        text = words(status);
    if (status == 500)
        text += ", номер обращения " + correlation;
    message.body = "{\"error_code\": " + std::to_string(status) + ", \"error_text\": " + json_text(text) +
                   ", \"correlation\": " + json_text(correlation) + "}";
    if (status == 401)
        message.headers.emplace_back(
            "WWW-Authenticate", "Bearer realm=\"k2bridge\", Basic realm=\"k2bridge\", charset=\"UTF-8\"");
    if (status == 503)
        message.headers.emplace_back("Retry-After", "5");
    return message;
}

std::string last_reply(const Message &message, const std::string &correlation)
{
    std::string text = "HTTP/1.1 " + std::to_string(message.status) + ' ' +
                       MHD_get_reason_phrase_for(static_cast<unsigned>(message.status)) +
                       "\r\nConnection: close\r\n";
    each_header(message, correlation, [&text](const char *name, const std::string &value) {
        ((text += name) += ": ") += value + "\r\n";
    });
    return text + "Content-Length: " + std::to_string(message.body.size()) + "\r\n\r\n" + message.body;
}

} // namespace listener
