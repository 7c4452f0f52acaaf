/*
 * Electronic documents: journals, uploads, and what can be done with one document.
 *
 * Promises: a small archive per company from the start; an uploaded document is kept byte for byte; the
 * same file twice is a duplicate (VE011). Errors are of the edoc family. Source: autoclient.md section 6.
 */
#pragma once

#include "input.h"
#include "model.h"

#include <string>
#include <vector>

namespace sandbox::autoclient
{

struct Document {
    std::uint64_t id = 0;
    Day created = 0;
    int minute = 0;
    Day dated = 0;
    Amount amount = 0;
    int status = 3;
    std::string sender;
    std::string sender_name;
    std::string recipient;
    std::string recipient_name;
    std::string number;
    std::string name;
    int type = 2756;
    std::string additional; // ADDITION_STATUS, "" for null
    bool unread = false;
    std::string content; // the file, made up when empty
    std::string signature;

    bool sent() const { return status != 3; }
};

class Edoc
{
public:
    explicit Edoc(const Model &model);

    /* `journal`: inbox, outbox, in-process, all, to-pay. */
    Reply journal(std::string_view journal, const Caller &caller);

    Reply upload(const Caller &caller, bool signed_xml);
    Reply upload_pdf(const Caller &caller, bool base64);
    Reply upload_signature(const Caller &caller);

    /* The calls on one document, whose id is the last segment of the path. */
    Reply preview(const Caller &caller, const Request &request);
    Reply pay(const Caller &caller, const Request &request);
    Reply remove(const Caller &caller, const Request &request);
    Reply xml(const Caller &caller, const Request &request);
    Reply base64(const Caller &caller, const Request &request);
    Reply pdf(const Caller &caller, const Request &request);
    Reply sign_info(const Caller &caller, const Request &request);
    Reply p7s(const Caller &caller, const Request &request);

    std::string to_json() const;

private:
    struct Filter;

    static Filter read_filter(const Caller &caller);
    std::vector<const Document *> selected(std::string_view journal, const Caller &caller,
                                           const Filter &filter) const;
    std::string document_json(const Document &document) const;
    Document &find(const Caller &caller, const Request &request, Input::Names more = {});
    void own_code(const Caller &caller, const std::string &okpo) const;
    Reply store(const Caller &caller, Document document, bool with_status);
    static std::string content_of(const Document &document);

    const Model &model_;
    std::vector<Document> documents_;
    std::uint64_t uploads_ = 0;
};

} // namespace sandbox::autoclient
