#include "observe/profile.h"

#include "observe/gzip.h"

#include <utility>

namespace ullage::observe {

namespace {
// Field numbers of profile.proto.
namespace in_profile {
constexpr std::uint32_t k_sample_type = 1;
constexpr std::uint32_t k_sample = 2;
constexpr std::uint32_t k_mapping = 3;
constexpr std::uint32_t k_location = 4;
constexpr std::uint32_t k_function = 5;
constexpr std::uint32_t k_string_table = 6;
constexpr std::uint32_t k_time_nanos = 9;
constexpr std::uint32_t k_duration_nanos = 10;
constexpr std::uint32_t k_period_type = 11;
constexpr std::uint32_t k_period = 12;
constexpr std::uint32_t k_comment = 13;
constexpr std::uint32_t k_default_sample_type = 14;
}  // namespace in_profile

ProtoWriter value_type(std::int64_t type, std::int64_t unit) {
  ProtoWriter out;
  out.number(1, type);
  out.number(2, unit);
  return out;
}
}  // namespace

Profile::Profile(std::span<const ValueType> sample_types) {
  string("");  // the format has it first
  for (const ValueType& type : sample_types)
    types_.message(in_profile::k_sample_type, value_type(string(type.type), string(type.unit)));
}

std::int64_t Profile::string(std::string_view text) {
  auto found = strings_.find(text);
  if (found == strings_.end()) {
    found = strings_.emplace(text, static_cast<std::int64_t>(string_table_.size())).first;
    string_table_.push_back(&found->first);
  }
  return found->second;
}

std::uint64_t Profile::function(std::string_view name) {
  const std::int64_t text = string(name);
  const auto [found, is_new] = functions_.emplace(text, functions_.size() + 1);
  if (is_new) {
    ProtoWriter out;
    out.number(1, found->second);
    // No system name (3): where both are the same pprof takes the name for one of C++, and what
    // stands between '<' and '>' in it for template arguments, which it leaves out.
    out.number(2, text);
    body_.message(in_profile::k_function, out);
  }
  return found->second;
}

Profile::MappingId Profile::add_mapping(const Mapping& mapping) {
  ProtoWriter out;
  out.number(1, ++mappings_);
  out.number(2, mapping.start);
  out.number(3, mapping.limit);
  out.number(4, mapping.offset);
  out.number(5, string(mapping.file));
  out.number(6, string(mapping.build_id));
  out.number(7, std::uint64_t{mapping.has_functions});
  body_.message(in_profile::k_mapping, out);
  return mappings_;
}

namespace {
ProtoWriter line_of(std::uint64_t function) {
  ProtoWriter line;
  line.number(1, function);
  return line;
}
}  // namespace

Profile::LocationId Profile::name(std::string_view function_name) {
  const std::uint64_t id = function(function_name);
  const auto [found, is_new] = names_.emplace(id, locations_ + 1);
  if (is_new) {
    ++locations_;
    ProtoWriter out;
    out.number(1, locations_);
    out.message(4, line_of(id));
    body_.message(in_profile::k_location, out);
  }
  return found->second;
}

Profile::LocationId Profile::address(std::uint64_t address, MappingId mapping,
                                     std::string_view function_name) {
  const auto [found, is_new] = addresses_.emplace(address, locations_ + 1);
  if (is_new) {
    ++locations_;
    ProtoWriter out;
    out.number(1, locations_);
    out.number(2, mapping);
    out.number(3, address);
    if (!function_name.empty()) out.message(4, line_of(function(function_name)));
    body_.message(in_profile::k_location, out);
  }
  return found->second;
}

void Profile::add_sample(std::span<const LocationId> frames, std::span<const std::int64_t> values,
                         std::span<const Label> labels) {
  ProtoWriter out;
  out.packed(1, frames);
  out.packed(2, values);
  for (const Label& label : labels) {
    ProtoWriter one;
    one.number(1, string(label.key));
    if (label.text.empty()) {
      one.number(3, label.number);
      one.number(4, string(label.unit));
    } else {
      one.number(2, string(label.text));
    }
    out.message(3, one);
  }
  body_.message(in_profile::k_sample, out);
  ++samples_;
}

void Profile::set_period(const ValueType& type, std::int64_t period) {
  period_type_ = value_type(string(type.type), string(type.unit));
  period_ = period;
}

std::string Profile::encode() const {
  ProtoWriter tail;
  for (const std::string* text : string_table_)
    tail.bytes(in_profile::k_string_table, *text);
  tail.number(in_profile::k_time_nanos, time_ns_);
  tail.number(in_profile::k_duration_nanos, duration_ns_);
  if (period_ != 0) {
    tail.message(in_profile::k_period_type, period_type_);
    tail.number(in_profile::k_period, period_);
  }
  tail.packed(in_profile::k_comment, comments_);
  tail.number(in_profile::k_default_sample_type, default_type_);
  return types_.text() + body_.text() + tail.text();
}

std::string Profile::encode_gzipped() const {
  return gzip(encode());
}

}  // namespace ullage::observe
