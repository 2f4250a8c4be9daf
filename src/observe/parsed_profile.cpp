#include <ullage/observe/parsed_profile.h>

#include "observe/profile_bytes.h"
#include "observe/proto_reader.h"

#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

namespace ullage::observe {

namespace {

// Few bytes can say much: many samples the same locations of many lines, many functions one name.
constexpr std::size_t k_frames_max = 16'000'000;
constexpr std::size_t k_samples_max = 2'000'000;
constexpr std::size_t k_text_max_bytes = ParsedProfile::k_bytes_max;

/// The message's parts as they stand; what they refer to may come later.
struct Raw {
  struct Sample {
    std::vector<std::uint64_t> locations;
    std::vector<std::int64_t> values;
  };
  struct Line {
    std::uint64_t function = 0;
    std::uint64_t number = 0;  // 0: unknown
  };
  struct Function {
    std::uint64_t name = 0;  // in the strings
    std::uint64_t file = 0;  // likewise
  };
  std::vector<std::string_view> strings;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> types;
  std::vector<Sample> samples;
  std::unordered_map<std::uint64_t, std::vector<Line>> locations;
  std::unordered_map<std::uint64_t, Function> functions;
  std::vector<std::uint64_t> comments;
  std::uint64_t default_type = 0;

  [[nodiscard]] std::string string(std::uint64_t number) const {
    return number < strings.size() ? std::string(strings[number]) : std::string();
  }
  [[nodiscard]] std::string name(const Line& line, FrameNames names) const {
    const auto function = functions.find(line.function);
    if (function == functions.end()) return "?";
    std::string name = string(function->second.name);
    const std::string file = string(function->second.file);
    if (names == FrameNames::functions || file.empty() || line.number == 0) return name;
    return name + " " + file.substr(file.rfind('/') + 1) + ":" + std::to_string(line.number);
  }
};

bool read_sample(std::string_view bytes, Raw& raw) {
  if (raw.samples.size() == k_samples_max) return false;
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

/// The numbers that a message has in its first fields, by field.
std::optional<std::array<std::uint64_t, 5>> read_numbers(std::string_view bytes) {
  ProtoReader reader(bytes);
  std::array<std::uint64_t, 5> numbers{};
  while (reader.next()) {
    if (reader.field() < numbers.size()) numbers[reader.field()] = reader.number();
  }
  if (reader.is_broken()) return std::nullopt;
  return numbers;
}

bool read_location(std::string_view bytes, Raw& raw) {
  ProtoReader reader(bytes);
  std::uint64_t id = 0;
  std::vector<Raw::Line> lines;  // of what is inlined first, its caller behind it
  while (reader.next()) {
    if (reader.field() == 1) id = reader.number();
    if (reader.field() != 4) continue;
    const auto line = read_numbers(reader.bytes());
    if (!line) return false;
    lines.push_back({.function = (*line)[1], .number = (*line)[2]});
  }
  raw.locations[id] = std::move(lines);
  return !reader.is_broken();
}

Error too_much() {
  return {Errc::invalid_argument, "the profile says more than can be read"};
}

/// Names are copied, and one text may be the name of many.
class TextBudget {
 public:
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    taken_ += bytes;
    return taken_ <= k_text_max_bytes;
  }

 private:
  std::size_t taken_ = 0;
};

std::optional<Raw> read_raw(std::string_view bytes, ParsedProfile& profile) {
  Raw raw;
  ProtoReader reader(bytes);
  bool is_whole = true;
  while (is_whole && reader.next()) {
    switch (reader.field()) {
      case 1:
        if (const auto type = read_numbers(reader.bytes()))
          raw.types.emplace_back((*type)[1], (*type)[2]);
        break;
      case 2:
        is_whole = read_sample(reader.bytes(), raw);
        break;
      case 4:
        is_whole = read_location(reader.bytes(), raw);
        break;
      case 5:
        if (const auto function = read_numbers(reader.bytes()))
          raw.functions[(*function)[1]] = {.name = (*function)[2], .file = (*function)[4]};
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

Result<ParsedProfile> parse_profile(std::string_view bytes, FrameNames names) {
  ParsedProfile profile;
  const std::optional<std::string> message = profile_message(bytes);
  const auto raw = message ? read_raw(*message, profile) : std::nullopt;
  if (!raw || raw->types.empty()) return no_profile();
  TextBudget texts;
  for (const auto& [type, unit] : raw->types) {
    const ParsedProfile::ValueType made{.type = raw->string(type), .unit = raw->string(unit)};
    if (!texts.take(made.type.size() + made.unit.size() + sizeof made)) return too_much();
    profile.types.push_back(made);
  }
  profile.default_type = profile.types.size() - 1;  // as pprof has it where nothing is said
  for (std::size_t i = 0; i < profile.types.size(); ++i) {
    if (raw->types[i].first == raw->default_type) profile.default_type = i;
  }
  for (const std::uint64_t text : raw->comments) {
    profile.comments.push_back(raw->string(text));
    if (!texts.take(profile.comments.back().size() + sizeof(std::string))) return too_much();
  }

  // Each location's frames once, however many samples name it.
  std::unordered_map<std::string, std::uint32_t> numbers;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> frames_at;
  for (const auto& [id, lines] : raw->locations) {
    std::vector<std::uint32_t>& frames = frames_at[id];
    const auto add = [&](std::string name) {
      const auto [found, is_new] =
          numbers.emplace(std::move(name), static_cast<std::uint32_t>(profile.functions.size()));
      if (is_new) profile.functions.push_back(found->first);
      frames.push_back(found->second);
    };
    if (lines.empty()) add("?");
    for (const Raw::Line& line : lines) {
      std::string name = raw->name(line, names);
      if (!texts.take(name.size() + sizeof(std::string))) return too_much();
      add(std::move(name));
    }
  }
  std::size_t frames = 0;
  for (const Raw::Sample& sample : raw->samples) {
    if (sample.values.size() != profile.types.size()) return no_profile();
    ParsedProfile::Sample& made = profile.samples.emplace_back();
    made.values = sample.values;
    frames += made.values.size();
    for (const std::uint64_t id : sample.locations) {
      const auto location = frames_at.find(id);
      if (location == frames_at.end()) return no_profile();
      frames += location->second.size();
      if (frames > k_frames_max) return too_much();
      made.frames.insert(made.frames.end(), location->second.begin(), location->second.end());
    }
  }
  return profile;
}

}  // namespace ullage::observe
