#include "command/call.h"

#include <ullage/document.h>

#include "command/words.h"
#include "resp/number.h"

#include <string>

namespace ullage::command {

std::vector<KeyLocks::Stripe> Call::stripes(std::size_t first, std::size_t step) const {
  std::vector<KeyLocks::Stripe> stripes;
  stripes.reserve((args.size() - first + step - 1) / step);
  for (std::size_t i = first; i < args.size(); i += step)
    stripes.push_back(key(i).stripe());
  return stripes;
}

std::string Call::name() const {
  return (container == nullptr ? "" : lowered(container->name) + "|") + lowered(row.name);
}

void Call::run() {
  const std::size_t place = reply.output().size();
  if (session.follow && row.is(k_readonly) && session.follow->remembers()) remember_reads();
  row.run(*this);
  if (reply.output().failed()) {
    reply.output().truncate(place);
    too_large_reply();
  }
  if (reply.output().view().substr(place).starts_with('-'))
    services.counters.errors.fetch_add(1, std::memory_order_relaxed);
  // CLIENT CACHING holds for one command, or one transaction.
  if (session.follow && !session.transaction && !session.executing &&
      (container == nullptr || container->name != "CLIENT"))
    session.follow->caching_said = false;
}

void Call::in_steps(std::size_t held_bytes, LongWork::Step step) {
  // So few that a round would not be shorter.
  constexpr std::uint64_t k_groups_at_once = 4096;
  if (session.executing || !session.can_wait || cache().group_count() <= k_groups_at_once) {
    while (!step(*this)) {
    }
    return;
  }
  TakenBytes held(services.held);
  std::size_t bytes = sizeof(LongWork) + held_bytes;
  for (std::size_t i = 0; i < args.size(); ++i)
    bytes += args[i].size() + sizeof(resp::Slice);
  if (!held.take(bytes)) return error("ERR the server has no room for another long command");
  session.unfinished =
      std::make_unique<LongWork>(Found{&row, container}, args, std::move(step), std::move(held));
}

void Call::wrong_number_of_arguments() {
  error("ERR wrong number of arguments for '" + name() + "' command");
}

void Call::refused(const Error& refusal) {
  if (refusal.code == Errc::no_room) {
    error(k_out_of_memory);
  } else {
    error("ERR " + refusal.message);
  }
}

bool Call::name_fits(const Key& key) {
  if (key.fits()) return true;
  error("ERR a key of " + std::to_string(key.group().size()) + " bytes is longer than " +
        std::to_string(k_name_max_bytes));
  return false;
}
bool Call::name_fits(const FieldName& field) {
  if (field.fits()) return true;
  error("ERR a field of " + std::to_string(field.view().size()) + " bytes is longer than " +
        std::to_string(k_name_max_bytes));
  return false;
}

std::optional<std::int64_t> Call::integer(std::size_t i, std::string_view text) {
  const auto value = resp::parse_integer(args[i]);
  if (!value) error(text);
  return value;
}
std::optional<std::int64_t> Call::integer_in(std::size_t i, std::int64_t least, std::int64_t most,
                                             std::string_view text) {
  const auto value = resp::parse_integer(args[i]);
  if (value && *value >= least && *value <= most) return value;
  error(text);
  return std::nullopt;
}

bool Call::is_word(std::size_t i, std::string_view word) const noexcept {
  return same_word(args[i], word);
}

Type Call::type_of(const Key& key) const {
  if (is_document(key)) return Type::document;
  if (is_string(key)) return Type::string;
  return exists(key) ? Type::hash : Type::none;
}

// A document that is a leaf alone has the same field as a string.
bool Call::is_string(const Key& key) const {
  return services.seen.strings.load(std::memory_order_relaxed) &&
         cache().contains(key.group(), k_string_field) && !is_document(key);
}

bool Call::is_document(const Key& key) const {
  if (!services.seen.documents.load(std::memory_order_relaxed)) return false;
  const auto kind = cache().group_kind(key.group());
  return kind && kind->kind == k_group_kind_document;
}

void Call::see_documents() const noexcept {
  if (!services.seen.documents.load(std::memory_order_relaxed))
    services.seen.documents.store(true, std::memory_order_relaxed);
}

void Call::changed_or_gone(const Key& key, const Event& event) {
  changed(key, event);
  if (!exists(key)) changed_as_a_whole(key, k_event_del);
}

void Call::changed_as_a_whole(const Key& key, const Event& event) {
  tell(key, event, {});
}

void Call::changed(const Key& key, const Event& event) {
  tell(key, event, services.tracking.is_on() ? fields() : std::vector<std::string_view>());
}

void Call::tell(const Key& key, const Event& event, std::span<const std::string_view> fields) {
  services.watches.changed(key.group());
  services.tracking.changed(key.group(), fields, client_id());
  services.key_events.tell(services.pubsub, key.group(), event);
}

std::vector<std::string_view> Call::fields() const {
  const FieldPositions at = fields_of(row, args);
  if ((at.end - at.first) / at.step > Tracking::k_fields_max) return {};
  std::vector<std::string_view> fields;
  for (std::size_t i = at.first; i < at.end; i += at.step)
    fields.push_back(args[i]);
  return fields;
}

void Call::remember_reads() {
  const std::vector<std::string_view> read =
      session.follow->options().fields ? fields() : std::vector<std::string_view>();
  for_each_key(row, args, [&](std::string_view name) {
    const Key read_key(services.locks, session.database, name);
    services.tracking.remember(session.client->id(), read_key.group(), read);
    // Who changes it now either has not looked yet who follows, or has ended his change before it
    // is read: he holds it from before the one until after the other.
    const Writing held(*this, read_key, Writing::Changes::one_entry);
  });
}

}  // namespace ullage::command
