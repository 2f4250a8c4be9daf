// CLIENT TRACKING: clients that keep copies of what they read are told when it changes.
//
// A client that follows its reads has what it read remembered here, until it changes: then it is
// told and the memory of it goes, so a client that does not read again is told once. A client that
// follows prefixes is told of every change of a key that begins so; nothing is remembered for it.
//
//   invalidate  [key ...]              whoever reads one of them again must ask the server
//   invalidate  [key, field, field]    to clients that follow fields (ours alone): only these
//                                      fields of the key, which were read by name
//   invalidate  null                   everything
//
// The table is bounded. When it is full, something that is remembered is declared changed.
#pragma once

#include "command/byte_budget.h"
#include "command/client.h"
#include "command/random_source.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::command {

/// What a client asked for.
struct TrackingOptions {
  bool broadcast = false;               ///< by prefix instead of by what it read
  bool opt_in = false;                  ///< remember only what CLIENT CACHING YES announces
  bool opt_out = false;                 ///< remember all but what CLIENT CACHING NO announces
  bool no_loop = false;                 ///< nothing about its own changes
  bool fields = false;                  ///< tell which fields of a hash changed
  std::uint64_t redirect = 0;           ///< whom to tell instead; 0: itself
  std::vector<std::string> prefixes{};  ///< of a broadcast; "" is every key
};

/// Thread-safe. While nobody tracks, a change costs one load.
class Tracking {
 public:
  using Id = std::uint64_t;
  using Fields = std::span<const std::string_view>;  ///< as clients name them; none: all of the key

  /// `limit_bytes`: what the table may take.
  Tracking(std::size_t limit_bytes, const Clients& clients) noexcept
      : clients_(clients), budget_(limit_bytes) {}

  /// Begins, or goes on by other options. False, with nothing changed, if there is no room for the
  /// prefixes.
  [[nodiscard]] bool begin(const std::shared_ptr<Client>& client, TrackingOptions options);
  /// What is remembered for it goes when it changes.
  void end(Id client) noexcept;

  /// Notes that a client is about to read something; to be called before it reads, or a change that
  /// comes between would be missed.
  void remember(Id reader, std::string_view group, Fields fields);
  /// Something changed; `by` whom, 0: nobody.
  void changed(std::string_view group, Fields fields, Id by) {
    if (is_on()) tell(group, fields, by);
  }
  void everything_changed();

  [[nodiscard]] bool is_on() const noexcept {
    return followers_count_.load(std::memory_order_acquire) != 0;
  }
  struct Totals {
    std::size_t clients = 0;
    std::size_t prefixes = 0;
    std::size_t keys = 0;
  };
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] std::size_t used_bytes() const noexcept { return budget_.used_bytes(); }

  /// Who reads or changes more fields of a key at once has read or changed the key: one command
  /// cannot fill the table.
  static constexpr std::size_t k_fields_max = 64;

 private:
  struct Follower {
    std::shared_ptr<Client> client;
    TrackingOptions options;
    TakenBytes held;
  };
  /// Who read something of a key.
  struct Readers {
    std::vector<Id> of_key;
    std::map<std::string, std::vector<Id>, std::less<>> of_fields;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>()(name);
    }
  };
  using Keys = std::unordered_map<std::string, Readers, NameHash, std::equal_to<>>;
  /// A part of the table, by the hash of the key.
  struct Part {
    mutable std::mutex mutex;
    Keys keys;  // guarded by mutex
  };
  /// Whom to tell of which of the fields that changed.
  using Told = std::map<Id, std::vector<std::string_view>>;

  [[nodiscard]] Part& part_of(std::string_view group) noexcept;
  /// False if there is no room, which leaves what was noted before.
  bool note(Part& part, Id reader, std::string_view group, Fields fields);
  /// Declares a key changed to make room; false if nothing is remembered in this part.
  bool drop_one(Part& part);
  /// In whichever part there is one, this one first.
  bool make_room(Part& part);
  void tell(std::string_view group, Fields fields, Id by);
  void tell_readers(std::string_view group, const Told& readers, Id by);
  void forget_all() noexcept;
  void tell_prefixes(std::string_view key, Fields fields, Id by);
  /// REQUIRES: followers_mutex_ is held. `key` none: everything.
  void send(Follower& follower, const std::string_view* key, Fields fields);

  [[nodiscard]] static std::size_t cost_of(std::string_view group, const Readers& readers) noexcept;

  static constexpr std::size_t k_parts = 64;

  const Clients& clients_;
  ByteBudget budget_;
  RandomSource random_{};  // which key goes when there is no room
  std::array<Part, k_parts> parts_;
  mutable std::mutex followers_mutex_;
  std::map<Id, Follower> followers_;                              // guarded by followers_mutex_
  std::map<std::string, std::vector<Id>, std::less<>> prefixes_;  // guarded by followers_mutex_
  std::atomic<std::size_t> followers_count_{0};
  std::atomic<std::size_t> broadcasters_{0};
};

/// What one client follows, until this goes. Belongs to the client's thread.
class Follow {
 public:
  Follow(Tracking& tracking, Tracking::Id client, TrackingOptions options)
      : tracking_(tracking), client_(client), options_(std::move(options)) {}
  ~Follow() { tracking_.end(client_); }
  Follow(const Follow&) = delete;
  Follow& operator=(const Follow&) = delete;

  [[nodiscard]] const TrackingOptions& options() const noexcept { return options_; }
  void set_options(TrackingOptions options) { options_ = std::move(options); }
  /// CLIENT CACHING has been said, and holds for the next command.
  bool caching_said = false;

  /// Whether the reads of the command that comes are remembered.
  [[nodiscard]] bool remembers() const noexcept {
    if (options_.broadcast) return false;
    if (options_.opt_in) return caching_said;
    if (options_.opt_out) return !caching_said;
    return true;
  }

 private:
  Tracking& tracking_;
  Tracking::Id client_;
  TrackingOptions options_;
};

}  // namespace ullage::command
