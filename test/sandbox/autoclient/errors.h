/*
 * The five families of error bodies (autoclient.md section 1.5).
 *
 * Promises: each function throws RefusedWith with the HTTP status and body of its family; texts are in the
 * language the bank uses there. HTTP statuses the document leaves open are 400.
 */
#pragma once

#include "../message.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sandbox::autoclient
{

enum class Family { gateway, edoc, eo, salary, paysheets };

/* Statements, payments, everything at the gate: {"status":"ERROR","code":"400","message":…,"requestId":…}. */
[[noreturn]] void refuse(int status, std::string_view message, std::string_view service_code = "");

/* VE005 and its like; `descr` has placeholders {0}, {1}; `arguments` is a JSON array. */
[[noreturn]] void refuse_edoc(int status, std::string_view code, std::string_view message,
                              std::string_view descr, const std::string &arguments,
                              std::string_view info = "");

/* VE005: a parameter of an edoc call is wrong. */
[[noreturn]] void refuse_edoc_parameter(const std::string &name, const std::string &why);

/* {"result":"error","error_message":…} */
[[noreturn]] void refuse_eo(std::string_view message);

/* {"status":"err","error":{"system":…,"code":…,"args":[…],"ref":…}} */
[[noreturn]] void refuse_salary(std::string_view system, std::string_view code,
                                std::initializer_list<std::string_view> arguments = {});

/* {"status":"ERROR","code":"400","message":…,"serviceCode":…} */
[[noreturn]] void refuse_paysheets(std::string_view service_code, std::string_view message);

/* A refusal of a family for faults on demand; `code` is the serviceCode or code where there is one. */
Reply refusal_of(Family family, int status, const std::string &code, const std::string &message);

/* The usual "yes" of a family, for a bank that says yes and does nothing. */
Reply success_of(Family family);

} // namespace sandbox::autoclient
