#include <ullage/observe/data_profile.h>

#include "observe/patterns.h"
#include "observe/profile.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ullage::observe {

namespace {

constexpr std::size_t k_roles = 5;
constexpr std::array<std::string_view, k_roles> k_role_names{"field", "value", "header", "index",
                                                             "slack"};
constexpr std::size_t k_field_role = 0;

std::array<std::uint64_t, k_roles> in_order(const RoleBytes& bytes) noexcept {
  return {bytes.field, bytes.value, bytes.header, bytes.index, bytes.slack};
}

/// The steps that ages are rounded down to, in seconds.
constexpr std::array<std::int64_t, 8> k_ages_s{0, 1, 10, 60, 600, 3600, 36'000, 86'400};
/// Sizes are rounded down to a power of two; this many steps.
constexpr unsigned k_size_steps = 32;
/// So many combinations are told apart: of a pattern with sizes, ages and other patterns.
constexpr std::size_t k_sums_a_pattern = 2;

/// What samples are told apart by, in one word.
///   | group 21 | field 21 | class 13 | size 5 | age 3 | has an entry 1 |
struct Key {
  std::uint64_t group = 0;
  std::uint64_t field = 0;
  unsigned size_step = 0;
  unsigned age_step = 0;
  bool is_entry = false;
  std::uint64_t class_number = 0;  ///< in the order in which they were met; 0: none

  static constexpr unsigned k_id_bits = 21;
  static constexpr unsigned k_class_bits = 13;
  static_assert(k_classes_max + 1 < (std::size_t{1} << k_class_bits));
  static_assert(Patterns::k_nodes_max + 1 < (std::size_t{1} << k_id_bits));
  static_assert(k_size_steps <= 32 && k_ages_s.size() <= 8);

  [[nodiscard]] std::uint64_t pack() const noexcept {
    return group << 43 | field << 22 | class_number << 9 | std::uint64_t{size_step} << 4 |
           std::uint64_t{age_step} << 1 | (is_entry ? 1U : 0U);
  }
  static Key unpack(std::uint64_t word) noexcept {
    constexpr std::uint64_t k_id_mask = (std::uint64_t{1} << k_id_bits) - 1;
    return {word >> 43,
            word >> 22 & k_id_mask,
            static_cast<unsigned>(word >> 4 & 31),
            static_cast<unsigned>(word >> 1 & 7),
            (word & 1) != 0,
            word >> 9 & ((std::uint64_t{1} << k_class_bits) - 1)};
  }
};

struct Sum {
  std::uint64_t entries = 0;
  std::array<std::uint64_t, k_roles> bytes{};

  [[nodiscard]] Sum times(double scale) const noexcept {
    const auto scaled = [scale](std::uint64_t n) {
      return static_cast<std::uint64_t>(std::llround(static_cast<double>(n) * scale));
    };
    Sum all{scaled(entries), {}};
    std::ranges::transform(bytes, all.bytes.begin(), scaled);
    return all;
  }
  Sum& operator+=(const Sum& more) noexcept {
    entries += more.entries;
    for (std::size_t i = 0; i < k_roles; ++i)
      bytes[i] += more.bytes[i];
    return *this;
  }
};

unsigned size_step(std::uint64_t bytes) noexcept {
  return std::min<unsigned>(static_cast<unsigned>(std::bit_width(bytes)), k_size_steps - 1);
}
unsigned age_step(std::int64_t seconds) noexcept {
  const auto above = std::ranges::upper_bound(k_ages_s, seconds);
  return static_cast<unsigned>(above - k_ages_s.begin()) - 1;
}

/// A leaf has some share of each slab, between nothing and all of it: the deviation of that share
/// from slab to slab is a half at most.
double error_share(std::uint64_t looked_at, std::uint64_t all) noexcept {
  if (looked_at >= all) return 0;
  if (looked_at == 0) return 1;
  constexpr double k_of_95_percent = 1.96;
  constexpr double k_deviation_max = 0.5;
  const auto n = static_cast<double>(looked_at);
  return k_of_95_percent * k_deviation_max * std::sqrt((1 - n / static_cast<double>(all)) / n);
}

}  // namespace

class DataProfiler::Gathering {
 public:
  explicit Gathering(DataProfileOptions options)
      : options_(std::move(options)),
        groups_(first_patterns(options_)),
        fields_(first_patterns(options_)),
        sums_max_(k_sums_a_pattern * first_patterns(options_)) {}

  /// `is_sampled`: it stands for more like it.
  void add(const Holding& holding, bool is_sampled) {
    Key key;
    const std::uint64_t weight = holding.bytes.sum();
    // 0 is what belongs to no group or to no entry of its group.
    if (holding.has_group) key.group = 1 + group_of(holding.group, weight);
    key.class_number = number_of(holding.class_pattern);
    if (holding.has_field) key.field = 1 + field_of(holding.field, weight);
    if (holding.has_field && !options_.is_series) {
      key.is_entry = true;
      key.size_step = size_step(holding.value_bytes);
      key.age_step = age_step(holding.idle.count() / 1000);
    }
    Sum sum;
    sum.entries = holding.entries;
    sum.bytes = in_order(holding.bytes);
    Sums& sums = is_sampled ? sampled_ : exact_;
    if (sums.size() >= sums_max_ && !sums.contains(key.pack())) {
      sums_are_full_ = true;
      // Sizes and ages are told apart no further, and of groups only that they are.
      key = Key{};
      key.group = holding.has_group ? 1 + groups_.other() : 0;
      key.class_number = number_of(holding.class_pattern);
    }
    sums[key.pack()] += sum;
  }

  /// Ends the gathering. Every sum that stands for more is multiplied by `scale`.
  Profile profile(double scale, DataProfile& told) {
    std::vector<Patterns::Id> groups;
    std::vector<Patterns::Id> fields;
    if (!options_.is_series) {
      groups = groups_.settle();
      fields = fields_.settle();
    }
    Sums settled;
    for (const auto* sums : {&sampled_, &exact_}) {
      for (const auto& [word, sum] : *sums) {
        Key key = Key::unpack(word);
        if (key.group != 0 && !groups.empty()) key.group = 1 + groups[key.group - 1];
        if (key.field != 0 && !fields.empty()) key.field = 1 + fields[key.field - 1];
        settled[key.pack()] += sums == &sampled_ ? sum.times(scale) : sum;
      }
    }

    constexpr std::array<Profile::ValueType, 3> k_types{
        {{"entries", "count"}, {"payload", "bytes"}, {"resident", "bytes"}}};
    Profile profile(k_types);
    profile.set_default_type("resident");
    profile.set_time(options_.unix_ns, 0);
    const Profile::LocationId cache = profile.name(options_.cache_name);
    for (const auto& [word, sum] : settled) {
      const Key key = Key::unpack(word);
      std::vector<Profile::LocationId> frames{0};
      if (key.field != 0)
        frames.push_back(profile.name(fields_.text(static_cast<Patterns::Id>(key.field - 1))));
      if (key.group != 0) {
        frames.push_back(profile.name(groups_.text(static_cast<Patterns::Id>(key.group - 1))));
        frames.push_back(
            profile.name(key.class_number == 0 ? "default" : classes_[key.class_number - 1]));
      }
      frames.push_back(cache);
      std::vector<Profile::Label> labels;
      if (key.is_entry) {
        const std::int64_t size = key.size_step == 0 ? 0 : std::int64_t{1} << (key.size_step - 1);
        labels.push_back({.key = "size", .number = size, .unit = "bytes"});
        labels.push_back({.key = "age", .number = k_ages_s[key.age_step], .unit = "seconds"});
      }
      for (std::size_t role = 0; role < k_roles; ++role) {
        const std::uint64_t entries = role == k_field_role ? sum.entries : 0;
        if (entries == 0 && sum.bytes[role] == 0) continue;
        frames[0] = profile.name(k_role_names[role]);
        const bool is_payload = role <= 1;
        const auto bytes = static_cast<std::int64_t>(sum.bytes[role]);
        const std::array<std::int64_t, 3> values{static_cast<std::int64_t>(entries),
                                                 is_payload ? bytes : 0, bytes};
        profile.add_sample(frames, values, labels);
        told.resident_bytes += static_cast<std::uint64_t>(bytes);
      }
    }
    told.samples = profile.samples();
    return profile;
  }

  /// Everything that was met keeps its name, and nothing is counted yet.
  void begin_next(std::int64_t unix_ns) {
    options_.unix_ns = unix_ns;
    for (Sums* const sums : {&sampled_, &exact_}) {
      for (auto& [word, sum] : *sums)
        sum = {};
    }
    // What went to those that are told apart no further goes on to do so.
    if (sums_are_full_) return;
    groups_.widen(options_.patterns_max);
    fields_.widen(options_.patterns_max);
    sums_max_ = k_sums_a_pattern * options_.patterns_max;
  }

 private:
  static std::size_t first_patterns(const DataProfileOptions& options) noexcept {
    return options.is_series ? options.patterns_max / 2 : options.patterns_max;
  }
  Patterns::Id group_of(std::string_view name, std::uint64_t weight) {
    return groups_.of(options_.group_name ? options_.group_name(name) : name, weight);
  }
  Patterns::Id field_of(std::string_view name, std::uint64_t weight) {
    return fields_.of(options_.field_name ? options_.field_name(name) : name, weight);
  }

  /// Beyond what a cache may have at a time they are told apart no further: they came and went
  /// while the profile was made.
  std::uint64_t number_of(std::string_view pattern) {
    if (pattern.empty()) return 0;
    if (last_class_ != 0 && classes_[last_class_ - 1] == pattern) return last_class_;
    const auto found = class_numbers_.find(std::string(pattern));
    if (found != class_numbers_.end()) return last_class_ = found->second;
    if (classes_.size() == k_classes_max) return k_classes_max;
    classes_.emplace_back(pattern);
    return last_class_ = class_numbers_[classes_.back()] = classes_.size();
  }

  DataProfileOptions options_;
  std::vector<std::string> classes_;
  std::unordered_map<std::string, std::uint64_t> class_numbers_;  // from 1 on
  std::uint64_t last_class_ = 0;
  Patterns groups_;
  Patterns fields_;
  using Sums = std::unordered_map<std::uint64_t, Sum>;
  Sums sampled_;
  Sums exact_;
  std::size_t sums_max_;
  bool sums_are_full_ = false;
};

std::size_t data_profile_bytes(const DataProfileOptions& options) noexcept {
  constexpr std::size_t k_sum_bytes = sizeof(Sum) + 64;  // in a table
  constexpr std::size_t k_sample_bytes = 64;             // encoded
  const std::size_t sums = k_sums_a_pattern * options.patterns_max;
  const std::size_t gathered = 2 * Patterns::bytes_max(options.patterns_max) + sums * k_sum_bytes;
  // When it is made all that was gathered is there once more, settled, and as text twice.
  const std::size_t made = sums * (k_sum_bytes + 2 * k_roles * k_sample_bytes);
  return gathered + made;
}

DataProfiler::DataProfiler(Cache& cache, DataProfileOptions options) : cache_(&cache) {
  cursor_.options = {.slabs_max = options.slabs_max, .seed = options.seed};
  gathering_ = std::make_unique<Gathering>(std::move(options));
}
DataProfiler::~DataProfiler() = default;
DataProfiler::DataProfiler(DataProfiler&&) noexcept = default;
DataProfiler& DataProfiler::operator=(DataProfiler&&) noexcept = default;

Result<bool> DataProfiler::step(std::uint64_t slabs) {
  auto done = cache_->inspect_step(cursor_, slabs, [&](const SlabSight& sight) {
    for (const Holding& holding : sight.holdings)
      gathering_->add(holding, !sight.is_tables);
  });
  if (!done) return done.error();
  return cursor_.is_done;
}

DataProfile DataProfiler::finish() {
  DataProfile told;
  told.inspection = cursor_.so_far;
  const Inspection& seen = told.inspection;
  const bool is_all = cursor_.options.slabs_max == 0 || seen.slabs >= seen.slabs_resident;
  double scale = 1;
  if (!is_all) {
    if (seen.slabs != 0)
      scale = static_cast<double>(seen.slabs_resident) / static_cast<double>(seen.slabs);
    told.error_share = error_share(seen.slabs, seen.slabs_resident);
  }
  Profile profile = gathering_->profile(scale, told);
  if (!is_all) {
    char text[160];
    std::snprintf(text, sizeof text,
                  "%llu of %llu slabs were looked at: 95 of 100 times a leaf is not further off "
                  "than %.1f %% of all bytes",
                  static_cast<unsigned long long>(seen.slabs),
                  static_cast<unsigned long long>(seen.slabs_resident), 100 * told.error_share);
    profile.add_comment(text);
  }
  told.gzipped = profile.encode_gzipped();
  return told;
}

void DataProfiler::begin_next(std::int64_t unix_ns) {
  const InspectOptions options = cursor_.options;
  cursor_ = {};
  cursor_.options = options;
  gathering_->begin_next(unix_ns);
}

Result<DataProfile> data_profile(Cache& cache, DataProfileOptions options) {
  constexpr std::uint64_t k_all = ~std::uint64_t{0};
  DataProfiler profiler(cache, std::move(options));
  if (auto done = profiler.step(k_all); !done) return done.error();
  return profiler.finish();
}

}  // namespace ullage::observe
