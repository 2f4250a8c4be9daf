#include <ullage/observe/parsed_profile.h>

#include "observe/gzip.h"
#include "observe/proto_reader.h"

#include <optional>
#include <unordered_map>
#include <utility>

namespace ullage::observe {

namespace {

// Few bytes can say many frames: locations of many lines, each named by many samples.
constexpr std::size_t k_frames_max = 16'000'000;

Error broken() {
  return {Errc::invalid_argument, "this is no profile: it is cut short, or something else"};
}

/// The message's parts as they stand; what they refer to may come later.
struct Raw {
  struct Sample {
    std::vector<std::uint64_t> locations;
    std::vector<std::int64_t> values;
  };
  std::vector<std::string_view> strings;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> types;
  std::vector<Sample> samples;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> locations;  // to functions
  std::unordered_map<std::uint64_t, std::uint64_t> functions;               // to strings
  std::vector<std::uint64_t> comments;
  std::uint64_t default_type = 0;

  [[nodiscard]] std::string string(std::uint64_t number) const {
    return number < strings.size() ? std::string(strings[number]) : std::string();
  }
};

bool read_sample(std::string_view bytes, Raw& raw) {
  Raw::Sample& sample = raw.samples.emplace_back();
  ProtoReader reader(bytes);
  bool is_whole = true;
  while (reader.next()) {
    if (reader.field() == 1) {
      is_whole &= reader.for_each_number([&](auto id) { sample.locations.push_back(id); });
    } else if (reader.field() == 2) {
      is_whole &= reader.for_each_number(
          [&](auto value) { sample.values.push_back(static_cast<std::int64_t>(value)); });
    }
  }
  return is_whole && !reader.is_broken();
}

bool read_location(std::string_view bytes, Raw& raw) {
  ProtoReader reader(bytes);
  std::uint64_t id = 0;
  std::vector<std::uint64_t> functions;  // of what is inlined first, its caller behind it
  while (reader.next()) {
    if (reader.field() == 1) id = reader.number();
    if (reader.field() != 4) continue;
    ProtoReader line(reader.bytes());
    while (line.next()) {
      if (line.field() == 1) functions.push_back(line.number());
    }
    if (line.is_broken()) return false;
  }
  raw.locations[id] = std::move(functions);
  return !reader.is_broken();
}

/// Fields 1 and 2 of a message.
std::optional<std::pair<std::uint64_t, std::uint64_t>> read_pair(std::string_view bytes) {
  ProtoReader reader(bytes);
  std::pair<std::uint64_t, std::uint64_t> pair{};
  while (reader.next()) {
    if (reader.field() == 1) pair.first = reader.number();
    if (reader.field() == 2) pair.second = reader.number();
  }
  if (reader.is_broken()) return std::nullopt;
  return pair;
}

std::optional<Raw> read_raw(std::string_view bytes, ParsedProfile& profile) {
  Raw raw;
  ProtoReader reader(bytes);
  bool is_whole = true;
  while (is_whole && reader.next()) {
    switch (reader.field()) {
      case 1:
        if (const auto type = read_pair(reader.bytes())) raw.types.push_back(*type);
        break;
      case 2:
        is_whole = read_sample(reader.bytes(), raw);
        break;
      case 4:
        is_whole = read_location(reader.bytes(), raw);
        break;
      case 5:
        if (const auto function = read_pair(reader.bytes()))
          raw.functions[function->first] = function->second;
        break;
      case 6:
        raw.strings.push_back(reader.bytes());
        break;
      case 9:
        profile.time_ns = reader.signed_number();
        break;
      case 10:
        profile.duration_ns = reader.signed_number();
        break;
      case 12:
        profile.period = reader.signed_number();
        break;
      case 13:
        is_whole = reader.for_each_number([&](auto text) { raw.comments.push_back(text); });
        break;
      case 14:
        raw.default_type = reader.number();
        break;
      default:
        break;
    }
  }
  if (!is_whole || reader.is_broken()) return std::nullopt;
  return raw;
}

}  // namespace

Result<ParsedProfile> parse_profile(std::string_view bytes) {
  std::optional<std::string> unpacked;
  if (bytes.starts_with("\x1f\x8b")) {
    unpacked = gunzip(bytes, ParsedProfile::k_bytes_max);
    if (!unpacked) return broken();
    bytes = *unpacked;
  }
  ParsedProfile profile;
  const auto raw = read_raw(bytes, profile);
  if (!raw || raw->types.empty()) return broken();
  for (const auto& [type, unit] : raw->types)
    profile.types.push_back({.type = raw->string(type), .unit = raw->string(unit)});
  profile.default_type = profile.types.size() - 1;  // as pprof has it where nothing is said
  for (std::size_t i = 0; i < profile.types.size(); ++i) {
    if (raw->types[i].first == raw->default_type) profile.default_type = i;
  }
  for (const std::uint64_t text : raw->comments)
    profile.comments.push_back(raw->string(text));

  std::unordered_map<std::string, std::uint32_t> numbers;
  const auto number_of = [&](std::string name) {
    const auto [found, is_new] =
        numbers.emplace(std::move(name), static_cast<std::uint32_t>(profile.functions.size()));
    if (is_new) profile.functions.push_back(found->first);
    return found->second;
  };
  std::size_t frames = 0;
  for (const Raw::Sample& sample : raw->samples) {
    if (sample.values.size() != profile.types.size()) return broken();
    ParsedProfile::Sample& made = profile.samples.emplace_back();
    made.values = sample.values;
    for (const std::uint64_t id : sample.locations) {
      const auto location = raw->locations.find(id);
      if (location == raw->locations.end()) return broken();
      frames += location->second.size() + 1;
      if (frames > k_frames_max)
        return Error{Errc::invalid_argument, "the profile has more frames than can be read"};
      if (location->second.empty()) made.frames.push_back(number_of("?"));
      for (const std::uint64_t function : location->second) {
        const auto name = raw->functions.find(function);
        made.frames.push_back(
            number_of(name == raw->functions.end() ? std::string("?") : raw->string(name->second)));
      }
    }
  }
  return profile;
}

}  // namespace ullage::observe
