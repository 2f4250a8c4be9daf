// Workloads that have made caches outgrow their limits. Each offers about `bytes` of names and
// values to a sink with
//   void set(std::string_view group, std::string_view field, std::string_view value, std::int64_t
//   ttl_ms = 0); void erase(std::string_view group, std::string_view field); void
//   erase_group(std::string_view group); void advance(std::int64_t ms);
// Nothing here allocates while it runs, so that a resident reading sees the sink alone.
#pragma once

#include "sealed.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace ullage::test {

/// A name such as "user:00000042", in a buffer of its own.
class Name {
 public:
  explicit Name(std::string_view stem) noexcept : stem_(stem.size()) {
    std::memcpy(text_.data(), stem.data(), stem.size());
  }
  /// Ten digits, so that all names of a stem are of one length.
  std::string_view operator()(std::uint64_t number) noexcept {
    for (std::size_t digit = 10; digit-- > 0; number /= 10) {
      text_[stem_ + digit] = static_cast<char>('0' + number % 10);
    }
    return {text_.data(), stem_ + 10};
  }

 private:
  std::array<char, 64> text_{};
  std::size_t stem_;
};

/// Values of up to 1 MiB that differ in their first bytes; not sealed, since that would take the
/// time.
class Values {
 public:
  Values() : bytes_(new char[k_max]) { std::memset(bytes_.get(), 'v', k_max); }
  std::string_view operator()(std::uint64_t id, std::size_t size) noexcept {
    if (size >= sizeof id) std::memcpy(bytes_.get(), &id, sizeof id);
    return {bytes_.get(), size};
  }

 private:
  static constexpr std::size_t k_max = std::size_t{1} << 20;
  std::unique_ptr<char[]> bytes_;
};

/// Everything a scenario needs, made before the first reading of memory.
struct ScenarioTools {
  Name group{"g"};
  Name field{"f"};
  Values value;
};

/// All groups grow in step: one field to each, then the next field to each.
template <class Sink>
void grow_in_step(Sink& sink, ScenarioTools& tools, std::uint64_t bytes, std::uint64_t groups) {
  std::uint64_t offered = 0;
  for (std::uint64_t field = 0; offered < bytes; ++field) {
    for (std::uint64_t group = 0; group < groups && offered < bytes; ++group) {
      sink.set(tools.group(group), tools.field(field), tools.value(field, 100));
      offered += 111;
    }
  }
}

/// Values of 100 B, then of 1 KiB, then of 50 B, a third of the bytes each.
template <class Sink>
void shift_value_sizes(Sink& sink, ScenarioTools& tools, std::uint64_t bytes,
                       std::uint64_t groups) {
  std::uint64_t id = 0;
  for (const std::size_t size : {std::size_t{100}, std::size_t{1024}, std::size_t{50}}) {
    for (std::uint64_t offered = 0; offered < bytes / 3; offered += size + 11, ++id) {
      sink.set(tools.group(id % groups), tools.field(id), tools.value(id, size));
    }
  }
}

/// One group that gets everything.
template <class Sink>
void one_giant_group(Sink& sink, ScenarioTools& tools, std::uint64_t bytes) {
  std::uint64_t id = 0;
  for (std::uint64_t offered = 0; offered < bytes; offered += 131, ++id) {
    sink.set(tools.group(0), tools.field(id), tools.value(id, 120));
  }
}

/// Groups of one field each: every write is a new group.
template <class Sink>
void single_field_groups(Sink& sink, ScenarioTools& tools, std::uint64_t bytes) {
  std::uint64_t id = 0;
  for (std::uint64_t offered = 0; offered < bytes; offered += 152, ++id) {
    sink.set(tools.group(id), tools.field(1), tools.value(id, 130));
  }
}

/// Entries and whole groups deleted and written again, of ever other sizes. Ends with writes only,
/// so that the cache is full at the end.
template <class Sink>
void delete_and_insert(Sink& sink, ScenarioTools& tools, std::uint64_t bytes,
                       std::uint64_t groups) {
  Rng rng(41);
  std::uint64_t offered = 0;
  while (offered < bytes) {
    const std::uint64_t pick = offered < bytes / 2 ? rng.below(100) : 50;
    const std::uint64_t group = rng.below(groups);
    if (pick < 30) {
      sink.erase(tools.group(group), tools.field(rng.below(400)));
    } else if (pick == 99 && rng.one_in(4)) {
      sink.erase_group(tools.group(group));
    } else {
      const std::size_t size = 20 + rng.below(600);
      sink.set(tools.group(group), tools.field(rng.below(400)), tools.value(rng.next(), size));
      offered += size + 11;
    }
  }
}

/// Everything has a time to live, most of them short, and time passes. Ends without short ones, so
/// that the cache is full at the end.
template <class Sink>
void storm_of_ttls(Sink& sink, ScenarioTools& tools, std::uint64_t bytes, std::uint64_t groups) {
  Rng rng(43);
  std::uint64_t id = 0;
  for (std::uint64_t offered = 0; offered < bytes; ++id) {
    const std::size_t size = 40 + rng.below(160);
    const bool short_lives = offered < bytes / 2;
    const std::int64_t ttl = static_cast<std::int64_t>(
        short_lives ? 1 + rng.below(5000) : 86'400'000 + rng.below(86'400'000));
    sink.set(tools.group(rng.below(groups)), tools.field(rng.below(1000)), tools.value(id, size),
             ttl);
    offered += size + 11;
    if (id % 100 == 0) sink.advance(1);
  }
}

/// A value of 1 MiB among thousands of 50 B, again and again.
template <class Sink>
void huge_among_small(Sink& sink, ScenarioTools& tools, std::uint64_t bytes, std::uint64_t groups) {
  std::uint64_t id = 0;
  for (std::uint64_t offered = 0; offered < bytes; ++id) {
    if (id % 12'000 == 0) {
      sink.set(tools.group(id % groups), tools.field(id), tools.value(id, std::size_t{1} << 20));
      offered += std::uint64_t{1} << 20;
    } else {
      sink.set(tools.group(id % groups), tools.field(id), tools.value(id, 50));
      offered += 61;
    }
  }
}

/// Any size from nothing to 200 KB, in groups of any size, in any order.
template <class Sink>
void random_mixture(Sink& sink, ScenarioTools& tools, std::uint64_t bytes, std::uint64_t groups) {
  Rng rng(47);
  for (std::uint64_t offered = 0; offered < bytes;) {
    const std::uint64_t shape = rng.below(1000);
    std::size_t size = rng.below(1 + rng.below(2000));
    if (shape == 0) size = 20'000 + rng.below(180'000);
    const std::uint64_t group = rng.below(1 + rng.below(groups));
    if (shape > 990) {
      sink.erase(tools.group(group), tools.field(rng.below(2000)));
      continue;
    }
    sink.set(tools.group(group), tools.field(rng.below(2000)), tools.value(rng.next(), size),
             shape % 10 == 5 ? static_cast<std::int64_t>(1 + rng.below(10'000'000)) : 0);
    offered += size + 11;
  }
}

}  // namespace ullage::test
