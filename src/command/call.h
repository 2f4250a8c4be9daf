// One command under way: its arguments, its client, its reply, and the words that commands have in
// common. Handlers are free functions of a Call; a family of commands is one file.
#pragma once

#include <ullage/cache.h>
#include <ullage/result.h>

#include "command/events.h"
#include "command/long_work.h"
#include "command/names.h"
#include "command/row.h"
#include "command/services.h"
#include "command/session.h"
#include "resp/reply.h"
#include "resp/request.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::command {

inline constexpr std::string_view k_wrong_type =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view k_syntax_error = "ERR syntax error";
inline constexpr std::string_view k_not_an_integer = "ERR value is not an integer or out of range";
inline constexpr std::string_view k_no_such_key = "ERR no such key";
inline constexpr std::string_view k_out_of_memory =
    "OOM command not allowed when used memory > 'maxmemory'.";

enum class Type : std::uint8_t { none, string, hash, document };

/// A key that a command names.
class Key {
 public:
  Key(const KeyLocks& locks, unsigned database, std::string_view key)
      : group_(database, key), stripe_(locks.stripe_of(group_.view())) {}
  [[nodiscard]] std::string_view group() const noexcept { return group_.view(); }
  [[nodiscard]] KeyLocks::Stripe stripe() const noexcept { return stripe_; }
  [[nodiscard]] bool fits() const noexcept { return group_.fits(); }

 private:
  GroupName group_;
  KeyLocks::Stripe stripe_;
};

class Call {
 public:
  Call(Services& services_in, Session& session_in, const Found& found, resp::Args args_in,
       resp::Reply& reply_in) noexcept
      : services(services_in),
        session(session_in),
        row(*found.row),
        container(found.container),
        args(args_in),
        reply(reply_in) {}

  Services& services;
  Session& session;
  const Row& row;
  const Row* const container;  ///< whose subcommand the row is; or null
  const resp::Args args;
  resp::Reply& reply;

  [[nodiscard]] Cache& cache() const noexcept { return services.cache; }
  /// Who asks; 0: nobody that others could know.
  [[nodiscard]] std::uint64_t client_id() const noexcept {
    return session.client ? session.client->id() : 0;
  }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return services.clock.now_ms(); }
  [[nodiscard]] Key key(std::size_t i) const { return {services.locks, session.database, args[i]}; }

  /// The stripes of the keys among the arguments, from `first` on.
  [[nodiscard]] std::vector<KeyLocks::Stripe> stripes(std::size_t first, std::size_t step) const;

  /// Whether the client may run this command on these keys and channels; an error is written if
  /// not.
  bool is_allowed();
  /// Whether the client may know of another: a tenant knows the connections of his own user.
  [[nodiscard]] bool sees(const Client& client) const;
  /// Notes for ACL LOG that the client was denied something.
  void denied(std::string_view reason, std::string_view object);

  /// Runs the handler. Writes exactly one reply: what does not fit its output becomes an error.
  void run();

  /// Does work that grows with what is stored. Where much is, and the client can wait, it is done
  /// in rounds between which others run; inside EXEC at once, as it must look.
  /// `held_bytes`: what the step holds meanwhile.
  void in_steps(std::size_t held_bytes, LongWork::Step step);

  // --- failing: each writes the error, and the handler returns ---

  void error(std::string_view text) { reply.error(text); }
  /// "hset", "client|list".
  [[nodiscard]] std::string name() const;
  void wrong_number_of_arguments();
  void too_large_reply() {
    error("ERR the reply is larger than the buffers of clients have room for");
  }
  void wrong_type() { error(k_wrong_type); }
  void syntax_error() { error(k_syntax_error); }
  /// What the cache refused, in the words that clients know.
  void refused(const Error& refusal);
  /// False, with an error written, if the name is longer than the cache takes.
  bool name_fits(const Key& key);
  bool name_fits(const FieldName& field);

  // --- arguments ---

  /// Argument i as an integer, or none with an error written.
  std::optional<std::int64_t> integer(std::size_t i, std::string_view text = k_not_an_integer);
  /// The same within bounds.
  std::optional<std::int64_t> integer_in(std::size_t i, std::int64_t least, std::int64_t most,
                                         std::string_view text = k_not_an_integer);
  /// Whether argument i is the word, in any case.
  [[nodiscard]] bool is_word(std::size_t i, std::string_view word) const noexcept;

  // --- keys ---

  [[nodiscard]] Type type_of(const Key& key) const;
  /// Whether the key is a plain string; costs nothing while no string was ever written.
  [[nodiscard]] bool is_string(const Key& key) const;
  /// Whether it is a JSON document; costs nothing while none was ever written.
  [[nodiscard]] bool is_document(const Key& key) const;
  /// From now on keys may be documents.
  void see_documents() const noexcept;
  /// Whether it is a key of a type that hash commands, or string commands, are not for.
  [[nodiscard]] bool is_no_hash(const Key& key) const { return is_string(key) || is_document(key); }
  [[nodiscard]] bool is_no_string(const Key& key) const {
    const Type type = type_of(key);
    return type != Type::none && type != Type::string;
  }
  [[nodiscard]] bool exists(const Key& key) const { return cache().contains_group(key.group()); }
  /// Replies with the value of a field as it is named in the cache (FieldName, k_string_field);
  /// answers false, with nothing written, if there is none.
  bool value(const Key& key, std::string_view stored_field) {
    if (is_document(key)) return false;  // its leaves are no fields of a hash
    const auto seen = cache().visit(key.group(), stored_field,
                                    [this](std::string_view bytes) { reply.bulk(bytes); });
    return seen && *seen;
  }
  /// The same, with null in its place.
  bool value_or_null(const Key& key, std::string_view stored_field) {
    if (value(key, stored_field)) return true;
    reply.null();
    return false;
  }
  /// To be called with the key's stripe held, after each change of it.
  void changed(const Key& key, const Event& event);
  /// The same of a change that may have taken the last field, and the key along.
  void changed_or_gone(const Key& key, const Event& event);
  /// The same of a change that is more than that of the fields which the command names.
  void changed_as_a_whole(const Key& key, const Event& event);

  /// Reads a key as one step: `read` may run more than once, each time from the same place in the
  /// reply.
  template <class Read>
  void reading(const Key& key, Read read) {
    const KeyLocks::Stripe stripe = key.stripe();
    reading(std::span(&stripe, 1), read);
  }
  /// The same of several keys, which look as they were at one moment.
  template <class Read>
  void reading(std::span<const KeyLocks::Stripe> stripes, Read read) {
    if (session.executing) {
      read();
      return;
    }
    const std::size_t place = reply.output().size();
    std::array<KeyLocks::Version, k_versions_inline> few;
    std::vector<KeyLocks::Version> many;
    if (stripes.size() > few.size()) many.resize(stripes.size());
    const std::span<KeyLocks::Version> versions =
        many.empty() ? std::span(few).first(stripes.size()) : std::span(many);
    for (int i = 0; i < k_optimistic_reads; ++i) {
      for (std::size_t s = 0; s < stripes.size(); ++s)
        versions[s] = services.locks.begin_read(stripes[s]);
      read();
      bool undisturbed = true;
      for (std::size_t s = 0; s < stripes.size(); ++s)
        undisturbed = undisturbed && services.locks.undisturbed(stripes[s], versions[s]);
      if (undisturbed) return;
      services.counters.disturbed_reads.fetch_add(1, std::memory_order_relaxed);
      reply.output().truncate(place);
    }
    std::vector<KeyLocks::Stripe> held(stripes.begin(), stripes.end());
    const HeldStripes hold(services.locks, held, false);
    read();
  }

 private:
  /// What a client that tracks is about to read.
  void remember_reads();
  /// None of its fields: the whole key has changed.
  void tell(const Key& key, const Event& event, std::span<const std::string_view> fields);
  [[nodiscard]] std::vector<std::string_view> fields() const;

  static constexpr int k_optimistic_reads = 4;
  static constexpr std::size_t k_versions_inline = 8;
};

/// Holds the keys of a writing command until the end of its scope; nothing inside EXEC, which holds
/// them all. `several`: more than one entry changes, so readers wait for the last.
class Writing {
 public:
  enum class Changes : std::uint8_t { one_entry, several };

  Writing(Call& call, const Key& key, Changes changes) : one_(key.stripe()) {
    if (call.session.executing) return;
    held_.emplace(call.services.locks, std::span(&one_, 1), changes == Changes::several);
  }
  Writing(Call& call, std::vector<KeyLocks::Stripe> stripes) : many_(std::move(stripes)) {
    if (call.session.executing) return;
    held_.emplace(call.services.locks, many_, true);
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

  /// More than one entry will change after all.
  void begin_several() noexcept {
    if (held_) held_->begin_change();
  }

 private:
  KeyLocks::Stripe one_ = 0;
  std::vector<KeyLocks::Stripe> many_;
  std::optional<HeldStripes> held_;
};

}  // namespace ullage::command
