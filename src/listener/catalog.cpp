// Clients and services from their tables (see catalog.hpp).
#include "listener/catalog.hpp"

#include "pg/sql.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "utils/array.h"
}

namespace listener
{

namespace
{

pg::Statement
    read_clients("SELECT c.name, c.role, c.secret_hash, c.services, c.allowed_from::pg_catalog.text[]"
                 " FROM k2bridge.api_client c WHERE c.enabled");
pg::Statement
    read_services("SELECT s.name, s.function, least(pg_catalog.date_part('epoch', s.timeout) * 1000,"
                  " 2147483647)::pg_catalog.int4, s.alone FROM k2bridge.service s WHERE s.enabled");
// The name comes quoted, so that it may become part of a statement.
pg::Statement
    find_function("SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)"
                  " FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n"
                  " ON n.oid OPERATOR(pg_catalog.=) p.pronamespace WHERE p.oid OPERATOR(pg_catalog.=)"
                  " pg_catalog.to_regprocedure($1 || '(pg_catalog.jsonb)') AND NOT p.proretset"
                  " AND p.prorettype OPERATOR(pg_catalog.=) 'pg_catalog.jsonb'::pg_catalog.regtype",
                  TEXTOID);

void read_texts(uint64 row, int column, std::vector<std::string> &texts)
{
    bool null;
    const Datum value = pg::cell(row, column, &null);
    Datum *cells;
    bool *nulls;
    int count;
    deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &cells, &nulls, &count);
    for (int i = 0; i < count; ++i)
        if (!nulls[i])
            texts.emplace_back(TextDatumGetCString(cells[i]));
}

void read_client(uint64 row, Client &client, std::string &secret)
{
    pg::cell_text(row, 1, client.name);
    pg::cell_text(row, 2, client.role);
    bool null;
    const bytea *hash = DatumGetByteaPP(pg::cell(row, 3, &null));
    secret.assign(VARDATA_ANY(hash), VARSIZE_ANY_EXHDR(hash));
    if (!pg::cell_null(row, 4))
        read_texts(row, 4, client.services.emplace());
}

void add_client(Catalog &catalog, uint64 row)
{
    auto client = std::make_shared<Client>();
    std::string secret;
    std::vector<std::string> networks;
    const bool anywhere = pg::call([&] {
        read_client(row, *client, secret);
        if (!pg::cell_null(row, 5))
            read_texts(row, 5, networks);
        return pg::cell_null(row, 5);
    });
    if (secret.size() != client->secret.size())
        return;
    memcpy(client->secret.data(), secret.data(), secret.size());
    if (!anywhere)
        client->networks.emplace();
    for (const std::string &text : networks)
        if (const auto network = parse_network(text))
            client->networks->push_back(*network);
    catalog.clients.push_back(std::move(client));
}

std::shared_ptr<Service> read_service(uint64 row)
{
    auto service = std::make_shared<Service>();
    pg::call([&] {
        pg::cell_text(row, 1, service->name);
        pg::cell_text(row, 2, service->function);
        service->timeout = pg::cell_int4(row, 3);
        service->alone = pg::cell_bool(row, 4);
    });
    return service;
}

// Puts the quoted name in place of the written one; nothing where there is no such function, or no name at
// all.
void resolve(Service &service)
{
    const std::string written = std::exchange(service.function, {});
    pg::subtransaction(pg::Constraints::at_commit, [&] {
        pg::call([&] {
            if (pg::run(find_function, {pg::text_datum(written)}, nullptr, true) == 1)
                pg::cell_text(0, 1, service.function);
        });
    });
}

} // namespace

void read_catalog(Catalog &catalog)
{
    catalog = {};
    const uint64 clients = pg::call([] { return pg::run(read_clients, {}); });
    for (uint64 row = 0; row < clients; ++row)
        add_client(catalog, row);
    pg::call([] { SPI_freetuptable(SPI_tuptable); });
    const uint64 rows = pg::call([] { return pg::run(read_services, {}); });
    std::vector<std::shared_ptr<Service>> services;
    for (uint64 row = 0; row < rows; ++row)
        services.push_back(read_service(row));
    for (const auto &service : services) {
        resolve(*service);
        catalog.services.emplace(service->name, service);
    }
}

} // namespace listener
