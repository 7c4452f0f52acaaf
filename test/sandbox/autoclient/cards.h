/*
 * Corporate cards: the list of cards, statements of a corporation and of a card.
 *
 * Promises: the same cards and rows in every run; sums of a card's statement add up (opening rest + credits
 * - debits = closing rest). Errors are of the gateway family. Source: autoclient.md section 10; the key
 * АССState has Cyrillic letters as printed there.
 */
#pragma once

#include "input.h"
#include "model.h"

#include <string>
#include <vector>

namespace sandbox::autoclient
{

class Cards
{
public:
    explicit Cards(const Model &model) : model_(model) {}

    Reply list(const Caller &caller) const;

    /* One corporation, or one card of it. */
    Reply statements(const Caller &caller, const Request &request, bool one_card) const;

private:
    struct Corporation;
    struct Card;
    struct Entry;

    std::vector<Corporation> corporations(std::uint32_t company) const;
    static std::vector<Card> cards(const Corporation &corporation);
    std::vector<Entry> entries(const Card &card, Day from, Day to) const;
    static std::string card_json(const Corporation &corporation, const Card &card);
    static std::string entry_json(const Corporation &corporation, const Card &card, const Entry &entry);
    Corporation find(const Caller &caller, const Input &input) const;

    const Model &model_;
};

} // namespace sandbox::autoclient
