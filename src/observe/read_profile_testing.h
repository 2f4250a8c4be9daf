// For tests: a profile read back, as pprof would show it.
#pragma once

#include "observe/gzip.h"
#include "observe/proto_reader_testing.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::observe {

/// "" if it is no gzip member.
inline std::string gunzip(std::string_view bytes) {
  return gunzip(bytes, std::size_t{1} << 30).value_or("");
}

struct ReadProfile {
  struct Sample {
    std::vector<std::string> frames;  ///< the leaf first
    std::vector<std::int64_t> values;
    std::map<std::string, std::string> labels;  ///< "42 bytes" or a text
  };
  std::vector<std::string> types;  ///< "inuse_space/bytes"
  std::vector<Sample> samples;
  std::vector<std::string> comments;
  std::string default_type;
  std::int64_t time_ns = 0;
  std::int64_t period = 0;

  explicit ReadProfile(std::string_view encoded) {
    const ProtoMessage all(encoded);
    std::vector<std::string> strings;
    for (const auto& text : all.all(6))
      strings.push_back(text.bytes);
    std::map<std::uint64_t, std::string> functions;
    for (const auto& one : all.all(5))
      functions[one.message().number(1)] = strings.at(one.message().number(2));
    std::map<std::uint64_t, std::string> locations;
    for (const auto& one : all.all(4)) {
      const ProtoMessage location = one.message();
      const auto& lines = location.all(4);
      locations[location.number(1)] =
          lines.empty() ? "?" : functions.at(lines[0].message().number(1));
    }
    for (const auto& one : all.all(1)) {
      types.push_back(strings.at(one.message().number(1)) + "/" +
                      strings.at(one.message().number(2)));
    }
    for (const auto& one : all.all(2)) {
      const ProtoMessage sample = one.message();
      Sample read;
      for (const std::uint64_t id : sample.all(1).at(0).numbers())
        read.frames.push_back(locations.at(id));
      for (const std::uint64_t value : sample.all(2).at(0).numbers())
        read.values.push_back(static_cast<std::int64_t>(value));
      for (const auto& label : sample.all(3)) {
        const ProtoMessage pair = label.message();
        const std::string& text = strings.at(pair.number(2));
        read.labels[strings.at(pair.number(1))] =
            text.empty() ? std::to_string(pair.number(3)) + " " + strings.at(pair.number(4)) : text;
      }
      samples.push_back(std::move(read));
    }
    for (const auto& numbers : all.all(13)) {
      for (const std::uint64_t comment : numbers.numbers())
        comments.push_back(strings.at(comment));
    }
    default_type = strings.at(all.number(14));
    time_ns = static_cast<std::int64_t>(all.number(9));
    period = static_cast<std::int64_t>(all.number(12));
  }
};

}  // namespace ullage::observe
