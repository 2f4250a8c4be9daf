#include <ullage/observe/source_lines.h>

#include "observe/elf_file.h"
#include "observe/function_names.h"
#include "observe/profile_bytes.h"
#include "observe/proto_reader.h"
#include "observe/proto_writer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace ullage::observe {

namespace {

struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t offset = 0;
  std::uint64_t file = 0;      // its name, in the strings
  std::uint64_t build_id = 0;  // likewise
  std::vector<std::uint64_t> locations{};
};

struct Location {
  std::uint64_t mapping = 0;
  std::uint64_t address = 0;
  std::uint64_t function = 0;  // the one that stands in the file
};

/// Puts lines into a message without a look at what has nothing to do with them.
class LineWriter {
 public:
  bool read(std::string_view message) {
    message_ = message;
    ProtoReader reader(message);
    while (reader.next()) {
      if (reader.field() == 3 && !read_mapping(reader.bytes())) return false;
      if (reader.field() == 4 && !read_location(reader.bytes())) return false;
      if (reader.field() == 5) read_function(reader.bytes());
      if (reader.field() == 6) strings_.push_back(reader.bytes());
    }
    for (const auto& [id, location] : locations_) {
      const auto mapping = mappings_.find(location.mapping);
      if (mapping != mappings_.end() && location.address >= mapping->second.start)
        mapping->second.locations.push_back(id);
    }
    return !reader.is_broken() && !strings_.empty();
  }

  void ask(const LineFinder& find) {
    for (auto& [id, mapping] : mappings_) {
      if (mapping.locations.empty()) continue;
      std::ranges::sort(mapping.locations);
      std::vector<std::uint64_t> offsets;
      for (const std::uint64_t location : mapping.locations)
        offsets.push_back(locations_[location].address - mapping.start + mapping.offset);
      const auto lines = find({.path = std::string(text(mapping.file)),
                               .build_id = std::string(text(mapping.build_id))},
                              offsets);
      for (std::size_t i = 0; i < std::min(lines.size(), offsets.size()); ++i) {
        if (!lines[i].empty()) put_lines(mapping.locations[i], lines[i]);
      }
      if (std::ranges::any_of(lines, [](const SourceLines& one) { return !one.empty(); }))
        with_lines_.push_back(id);
    }
  }

  [[nodiscard]] std::string written() const {
    ProtoWriter out;
    ProtoReader reader(message_);
    while (reader.next()) {
      if (reader.field() == 4) {
        write_location(reader, out);
      } else if (reader.field() == 3) {
        write_mapping(reader, out);
      } else {
        out.as_is(reader.whole());
      }
    }
    out.as_is(added_.text());
    return std::move(out).text();
  }

 private:
  bool read_mapping(std::string_view bytes) {
    ProtoReader reader(bytes);
    std::uint64_t id = 0;
    Mapping mapping;
    while (reader.next()) {
      if (reader.field() == 1) id = reader.number();
      if (reader.field() == 2) mapping.start = reader.number();
      if (reader.field() == 4) mapping.offset = reader.number();
      if (reader.field() == 5) mapping.file = reader.number();
      if (reader.field() == 6) mapping.build_id = reader.number();
    }
    mappings_[id] = std::move(mapping);
    return !reader.is_broken();
  }

  bool read_location(std::string_view bytes) {
    ProtoReader reader(bytes);
    std::uint64_t id = 0;
    Location location;
    while (reader.next()) {
      if (reader.field() == 1) id = reader.number();
      if (reader.field() == 2) location.mapping = reader.number();
      if (reader.field() == 3) location.address = reader.number();
      if (reader.field() != 4) continue;
      ProtoReader line(reader.bytes());
      while (line.next()) {
        if (line.field() == 1) location.function = line.number();
      }
    }
    locations_[id] = location;
    return !reader.is_broken();
  }

  void read_function(std::string_view bytes) {
    ProtoReader reader(bytes);
    std::uint64_t id = 0;
    std::uint64_t name = 0;
    while (reader.next()) {
      if (reader.field() == 1) id = reader.number();
      if (reader.field() == 2) name = reader.number();
    }
    names_[id] = name;
    last_function_ = std::max(last_function_, id);
  }

  [[nodiscard]] std::string_view text(std::uint64_t number) const noexcept {
    return number < strings_.size() ? strings_[number] : std::string_view();
  }

  std::uint64_t string(const std::string& wanted) {
    const auto [found, is_new] = added_strings_.emplace(wanted, strings_.size() + added_count_);
    if (is_new) {
      ++added_count_;
      added_.bytes(6, wanted);
    }
    return found->second;
  }

  std::uint64_t function(std::uint64_t name, const std::string& file) {
    const auto [found, is_new] =
        added_functions_.emplace(std::pair(name, string(file)), last_function_ + 1);
    if (is_new) {
      ProtoWriter out;
      out.number(1, ++last_function_);
      out.number(2, name);
      out.number(4, found->first.second);
      added_.message(5, out);
    }
    return found->second;
  }

  void put_lines(std::uint64_t location, const SourceLines& lines) {
    ProtoWriter& out = lines_[location];
    for (const SourceLine& one : lines) {
      // The service has named the function that stands in the file; debug data has names without
      // their scope for what no other file sees.
      const bool is_named = &one == &lines.back() && locations_[location].function != 0;
      const std::uint64_t name = is_named ? names_[locations_[location].function]
                                          : string(one.function.starts_with("_Z")
                                                       ? short_function_name(one.function.c_str())
                                                       : shortened(one.function));
      ProtoWriter line;
      line.number(1, function(name, one.file));
      line.number(2, one.line);
      out.message(4, line);
    }
  }

  void write_location(const ProtoReader& field, ProtoWriter& out) const {
    ProtoReader reader(field.bytes());
    std::uint64_t id = 0;
    ProtoWriter rest;
    while (reader.next()) {
      if (reader.field() == 1) id = reader.number();
      if (reader.field() != 4) rest.as_is(reader.whole());
    }
    const auto lines = lines_.find(id);
    if (lines == lines_.end()) return out.as_is(field.whole());
    rest.as_is(lines->second.text());
    out.message(4, rest);
  }

  void write_mapping(const ProtoReader& field, ProtoWriter& out) const {
    ProtoReader reader(field.bytes());
    std::uint64_t id = 0;
    while (reader.next()) {
      if (reader.field() == 1) id = reader.number();
    }
    if (std::ranges::find(with_lines_, id) == with_lines_.end()) return out.as_is(field.whole());
    ProtoWriter mapping;
    mapping.as_is(field.bytes());
    for (const std::uint32_t has : {7U, 8U, 9U, 10U})  // functions, files, lines, inlined ones
      mapping.varint(has, 1);
    out.message(3, mapping);
  }

  std::string_view message_;
  std::vector<std::string_view> strings_;
  std::map<std::uint64_t, Mapping> mappings_;
  std::unordered_map<std::uint64_t, Location> locations_;
  std::unordered_map<std::uint64_t, std::uint64_t> names_;  // of functions, in the strings
  std::uint64_t last_function_ = 0;
  std::vector<std::uint64_t> with_lines_;  // mappings

  ProtoWriter added_;  // functions and strings, behind those that are there
  std::uint64_t added_count_ = 0;
  std::unordered_map<std::string, std::uint64_t> added_strings_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> added_functions_;
  std::unordered_map<std::uint64_t, ProtoWriter> lines_;  // of locations
};

}  // namespace

Result<std::string> add_lines(std::string_view profile, const LineFinder& find) {
  const std::optional<std::string> message = profile_message(profile);
  LineWriter writer;
  if (!message || !writer.read(*message)) return no_profile();
  writer.ask(find);
  return gzip(writer.written());
}

Result<std::vector<std::uint64_t>> code_addresses(const std::string& path,
                                                  const std::string& build_id,
                                                  std::span<const std::uint64_t> file_offsets) {
  const ElfFile file(path);
  if (!file.is_open()) return Error{Errc::not_found, "cannot read " + path};
  if (const std::string its = file.build_id(); !build_id.empty() && its != build_id) {
    return Error{Errc::not_found, path + " is another build: its id is " +
                                      (its.empty() ? "none" : its) + ", the profile has " +
                                      build_id};
  }
  std::vector<std::uint64_t> addresses;
  for (const std::uint64_t offset : file_offsets)
    addresses.push_back(file.address_of(offset).value_or(0));
  return addresses;
}

}  // namespace ullage::observe
