/*
 * What callers send besides the address: the members of a JSON object, the fields of a form, the parts of
 * a multipart body.
 *
 * Promises: unknown, missing and mistyped members are told to the complaint, which throws the error of the
 * call's family. Texts of forms and parts are UTF-8; bytes that are not are read as windows-1251.
 */
#pragma once

#include "gate.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::autoclient
{

/* Throws; `name` is the member, `why` an English phrase. */
using Complaint = void (*)(const std::string &name, const std::string &why);

class Input
{
public:
    using Names = std::initializer_list<std::string_view>;

    /* Reads `body`, which has to outlive this; an empty one counts as {}. */
    Input(const std::string &body, Complaint complaint, Names required, Names optional = {});

    /* A nested object, whose members are named "outer.inner" in complaints. */
    Input(const Value &object, Complaint complaint, std::string where, Names required, Names optional = {});

    bool has(std::string_view name) const { return object_->find(name) != nullptr; }
    const Value &value(std::string_view name) const { return *object_->find(name); }
    std::string text(std::string_view name) const;   // a string; "" when it is missing
    std::string filled(std::string_view name) const; // a string, not empty
    Amount amount(std::string_view name) const;      // a JSON number with at most two decimals, not negative
    std::int64_t count(std::string_view name,
                       std::int64_t fallback) const; // a whole number, also as a string
    bool flag(std::string_view name) const;
    std::vector<std::string> texts(std::string_view name) const;
    [[noreturn]] void refuse(std::string_view name, const std::string &why) const;

private:
    void check(Names required, Names optional) const;

    Value own_;
    const Value *object_;
    Complaint complaint_;
    std::string where_;
};

struct Part {
    std::string text; // of a file: its bytes
    std::string file_name;
    std::string type;
    bool file = false;
};

class Parts
{
public:
    using Names = Input::Names;

    /* The body of the call: a form or multipart, as the gate has seen. */
    Parts(const Caller &caller, Complaint complaint, Names required, Names optional = {});

    bool has(std::string_view name) const { return parts_.contains(name); }
    std::string text(std::string_view name) const;
    const Part &file(std::string_view name) const;   // a part with a file name, not empty
    std::string base64(std::string_view name) const; // the bytes a text stands for, not empty
    [[noreturn]] void refuse(std::string_view name, const std::string &why) const;

private:
    void read_form(const std::string &body);
    void read_multipart(std::string_view body, const std::string &boundary);
    void add(std::string name, Part part);
    std::string in_charset(std::string_view name, const std::string &text) const;

    Complaint complaint_;
    Charset charset_;
    std::map<std::string, Part, std::less<>> parts_;
};

} // namespace sandbox::autoclient
