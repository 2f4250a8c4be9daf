// For tests: protocol buffers, read without a schema.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::observe {

/// A message's fields by number, in their order. Numbers and bytes alone: what our writers write.
class ProtoMessage {
 public:
  struct Value {
    std::uint64_t number = 0;
    std::string bytes;
    [[nodiscard]] ProtoMessage message() const { return ProtoMessage(bytes); }
    /// A packed repeated number.
    [[nodiscard]] std::vector<std::uint64_t> numbers() const {
      std::vector<std::uint64_t> all;
      for (std::size_t at = 0; at < bytes.size();)
        all.push_back(varint(bytes, at));
      return all;
    }
  };

  explicit ProtoMessage(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::uint64_t tag = varint(text, at);
      Value value;
      if ((tag & 7) == 0) {
        value.number = varint(text, at);
      } else if ((tag & 7) == 1) {
        for (unsigned shift = 0; shift < 64 && at < text.size(); shift += 8)
          value.number |= std::uint64_t{static_cast<unsigned char>(text[at++])} << shift;
      } else if ((tag & 7) == 2) {
        const std::uint64_t bytes = varint(text, at);
        is_whole_ = is_whole_ && bytes <= text.size() - at;
        value.bytes = text.substr(at, bytes);
        at += bytes;
      } else {
        is_whole_ = false;
        return;
      }
      fields_[static_cast<std::uint32_t>(tag >> 3)].push_back(value);
    }
  }
  [[nodiscard]] bool is_whole() const { return is_whole_; }
  [[nodiscard]] const std::vector<Value>& all(std::uint32_t field) const {
    static const std::vector<Value> k_none;
    const auto found = fields_.find(field);
    return found == fields_.end() ? k_none : found->second;
  }
  /// The last one counts; what is not there is 0.
  [[nodiscard]] std::uint64_t number(std::uint32_t field) const {
    return all(field).empty() ? 0 : all(field).back().number;
  }

 private:
  static std::uint64_t varint(std::string_view text, std::size_t& at) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at < text.size() && shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(text[at++]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  bool is_whole_ = true;
  std::map<std::uint32_t, std::vector<Value>> fields_;
};

}  // namespace ullage::observe
