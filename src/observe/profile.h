// A profile that `go tool pprof` reads: profile.proto, gzipped.
// https://github.com/google/pprof/blob/main/proto/profile.proto
//
// Built from samples whose frames are names, or addresses that the caller has put names to. What is
// alike is kept once.
#pragma once

#include "observe/proto_writer.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::observe {

/// Not thread-safe. Memory: what it holds.
class Profile {
 public:
  /// Numbers from 1; 0 is none.
  using LocationId = std::uint64_t;
  using MappingId = std::uint64_t;

  struct ValueType {
    std::string_view type;  ///< "inuse_space"
    std::string_view unit;  ///< "bytes"
  };
  /// Values of samples have these types, in this order.
  explicit Profile(std::span<const ValueType> sample_types);
  Profile(Profile&&) = default;
  Profile& operator=(Profile&&) = default;
  Profile(const Profile&) = delete;  // its table points to its strings
  Profile& operator=(const Profile&) = delete;

  struct Mapping {
    std::uint64_t start = 0;
    std::uint64_t limit = 0;
    std::uint64_t offset = 0;
    std::string file;
    std::string build_id;
    bool has_functions = false;
  };
  MappingId add_mapping(const Mapping& mapping);

  /// A frame that is no code: its name says all.
  LocationId name(std::string_view function_name);
  /// A frame of code, symbolized if `function_name` says so.
  LocationId address(std::uint64_t address, MappingId mapping, std::string_view function_name);

  struct Label {
    std::string_view key;
    std::string_view text{};  ///< either this
    std::int64_t number = 0;  ///< or this,
    std::string_view unit{};  ///< with its unit
  };
  /// `frames`: the leaf first. REQUIRES: as many values as sample types.
  void add_sample(std::span<const LocationId> frames, std::span<const std::int64_t> values,
                  std::span<const Label> labels = {});

  void set_time(std::int64_t unix_ns, std::int64_t duration_ns) noexcept {
    time_ns_ = unix_ns;
    duration_ns_ = duration_ns;
  }
  void set_period(const ValueType& type, std::int64_t period);
  /// The one that tools show unless they are told otherwise.
  void set_default_type(std::string_view type) { default_type_ = string(type); }
  /// For people: pprof shows it above its tables.
  void add_comment(std::string_view text) { comments_.push_back(string(text)); }

  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
  /// The whole message. Samples may be added afterwards, and encoded again.
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] std::string encode_gzipped() const;

 private:
  std::int64_t string(std::string_view text);
  std::uint64_t function(std::string_view name);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  ProtoWriter types_;
  ProtoWriter body_;  // samples, mappings, locations, functions: in any order
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> strings_;
  std::vector<const std::string*> string_table_;
  std::unordered_map<std::int64_t, std::uint64_t> functions_;  // by name
  std::unordered_map<std::uint64_t, LocationId> names_;        // by function
  std::unordered_map<std::uint64_t, LocationId> addresses_;
  std::uint64_t locations_ = 0;
  std::uint64_t mappings_ = 0;
  std::uint64_t samples_ = 0;
  std::int64_t time_ns_ = 0;
  std::int64_t duration_ns_ = 0;
  ProtoWriter period_type_;
  std::int64_t period_ = 0;
  std::int64_t default_type_ = 0;
  std::vector<std::int64_t> comments_;
};

}  // namespace ullage::observe
