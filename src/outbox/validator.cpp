// Validator of the foreign-data wrapper k2bridge: runs at every CREATE and ALTER of a server or user mapping.
//
// It sees the options but neither the server's type nor the old values, so it checks the union of all types;
// the rest is checked at use. Errors and warnings keep the statement, which may hold a secret, out of the
// server log.
#include "outbox/options.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
}

namespace outbox
{

namespace
{

std::string listed(const std::vector<std::string> &names)
{
    std::string text;
    for (const std::string &name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

[[noreturn]] void unknown_option(Place place, const std::string &name)
{
    const std::vector<std::string> names = option_names(place);
    const std::string near = nearest(name, names);
    const char *any_url = place == Place::server ? ", and *_url for own endpoints" : "";
    throw pg::Error(ERRCODE_FDW_INVALID_OPTION_NAME, "invalid option \"" + name + "\"", {},
                    (near.empty() ? "" : "Perhaps you meant the option \"" + near + "\". ") +
                        "Valid options in this context are: " + listed(names) + any_url + ".",
                    true);
}

void require_privilege(const Option &option, const std::string &name, const std::string &value)
{
    if (!needs_privilege(option, value))
        return;
    if (!pg::call([] { return superuser() || has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES); }))
        throw pg::Error(
            ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied to set option \"" + name + "\" this way", {},
            "Only a superuser or a member of pg_read_server_files may name files of the server, use a proxy "
            "or switch verify_tls off.",
            true);
}

bool is_inline_secret(const Option &option)
{
    return option.kind == Kind::secret || option.kind == Kind::header_secret;
}

void check_one(Place place, const std::string &name, const std::string &value)
{
    const Option *option = find_option(place, name);
    if (option == nullptr)
        unknown_option(place, name);
    if (const std::string reason = refuse_value(*option, value); !reason.empty())
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE,
                        "invalid value for option \"" + name + "\": " + reason, {}, {}, true);
    require_privilege(*option, name, value);
}

void warn_of_inline_secret(const char *name)
{
    pg::call([=] {
        ereport(WARNING, errcode(ERRCODE_WARNING), errhidestmt(true), errhidecontext(true),
                errmsg("the secret in option \"%s\" may show in server logs, dumps and the command history",
                       name),
                errhint("Keep it in a file that only the server can read, and set \"%s_file\".", name));
    });
}

void validate(Place place, const OptionList &options)
{
    for (const auto &[name, value] : options)
        check_one(place, name, value);
    if (const std::string reason = refuse_combination(place, options); !reason.empty())
        throw pg::Error(ERRCODE_INVALID_PARAMETER_VALUE, reason, {}, {}, true);
    for (const auto &[name, value] : options)
        if (is_inline_secret(*find_option(place, name)))
            warn_of_inline_secret(name.c_str());
}

OptionList copied(List *definitions)
{
    OptionList options;
    for (int i = 0; i < list_length(definitions); ++i) {
        const DefElem *definition = static_cast<const DefElem *>(list_nth(definitions, i));
        options.emplace_back(definition->defname, strVal(definition->arg));
    }
    return options;
}

} // namespace

} // namespace outbox

extern "C" {

PG_FUNCTION_INFO_V1(k2bridge_validate_options);

// k2bridge.validate_options(options text[], catalog oid): for the server only, which calls it.
PGDLLEXPORT Datum k2bridge_validate_options(PG_FUNCTION_ARGS)
{
    List *definitions = untransformRelOptions(PG_GETARG_DATUM(0));
    const Oid catalog = PG_GETARG_OID(1);
    return pg::entry([=]() -> Datum {
        const outbox::OptionList options = outbox::copied(definitions);
        if (catalog == ForeignServerRelationId)
            outbox::validate(outbox::Place::server, options);
        else if (catalog == UserMappingRelationId)
            outbox::validate(outbox::Place::mapping, options);
        else if (!options.empty())
            throw pg::Error(ERRCODE_FDW_INVALID_OPTION_NAME,
                            "k2bridge takes options on servers and user mappings only", {}, {}, true);
        return Datum(0);
    });
}
}
