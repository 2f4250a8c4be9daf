// Reads without locks: look, copy out, and believe it only if the shard's version stayed the same.
#pragma once

#include <ullage/cache.h>

#include "engine/lookup.h"
#include "engine/piece.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ullage::engine {

class Writer;

/// Where a read puts what it finds. start() may be called more than once: only the last call
/// counts.
class ValueSink {
 public:
  virtual ~ValueSink() = default;
  /// Room for `bytes` bytes, or null if the bytes are not wanted.
  virtual char* start(std::size_t bytes) = 0;
};

struct ReadResult {
  bool hit = false;
  std::size_t bytes = 0;
  std::int64_t deadline_ms = k_never_ms;
};

class Reader {
 public:
  Reader(State& state, const Directory& directory) noexcept
      : state_(state), lookup_(state, directory), pieces_(state) {}
  void set_writer(Writer& writer) noexcept { writer_ = &writer; }

  /// Reads an entry into the sink. `use` says whether it counts as a use: hit or miss, recency,
  /// idle time. `lines` as in Directory::find(): 0 after prefetch() of all steps.
  ReadResult read(const Names& names, ValueSink& sink, bool use,
                  std::size_t lines = k_lookahead_lines);

  /// The names with their hashes. The bucket's lines are on their way while the field is hashed.
  [[nodiscard]] Names names(std::string_view group, std::string_view field) const noexcept;

  /// What a group says of itself, if it exists and has not ended.
  struct GroupFacts {
    std::uint64_t fields = 0;
    std::int64_t deadline_ms = k_never_ms;
    bool timed_fields = false;  ///< some of the fields may have ended and are still there
    bool has_limits = false;
    GroupLimits limits;
  };
  std::optional<GroupFacts> group(std::string_view name);

  /// A stretch of a value held in pieces, under the lock.
  struct Chunk {
    bool hit = false;
    std::size_t bytes = 0;
    std::size_t total = 0;
    std::uint32_t stamp = 0;  ///< tells one write from another
  };
  Chunk read_chunk(const Names& names, std::size_t offset, std::span<char> buffer);

  static constexpr int k_prefetch_steps = 2;
  /// Brings the lines that a read will touch into the cache, one dependent step a call: 0 to
  /// k_prefetch_steps.
  void prefetch(const Names& names, int step) const noexcept;

 private:
  struct Look {
    ReadResult result;
    bool broken = false;
    std::byte* rank_at = nullptr;  ///< where the recency goes, if it is to change
    policy::Rank rank = 0;
    std::byte* use_at = nullptr;  ///< where the group's last use goes
    std::int64_t use_ms = 0;
    bool use_has_no_place = false;
  };
  Look look(Shard& shard, const Names& names, ValueSink& sink, bool use, std::size_t lines);
  /// What the shard refers to for a group: a page or a node.
  [[nodiscard]] Ref top_ref(std::uint64_t group_hash) const noexcept;
  /// Stores what a look found to be noted. Needs the lock.
  static void store(Shard& shard, const Look& seen);
  void note(Shard& shard, base::VersionLock::Version version, const Look& seen, const Names& names);

  State& state_;
  Lookup lookup_;
  Pieces pieces_;
  Writer* writer_ = nullptr;
};

}  // namespace ullage::engine
