// What is sent to a client that has not asked: an array in RESP2, a push in RESP3.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ullage::command {

inline void append_bulk(std::string& out, std::string_view bytes) {
  out += '$';
  out += std::to_string(bytes.size());
  out += "\r\n";
  out += bytes;
  out += "\r\n";
}

inline void append_array(std::string& out, std::size_t count) {
  out += '*';
  out += std::to_string(count);
  out += "\r\n";
}

/// Begins a message of `count` parts.
inline std::string begin_message(bool resp3, std::size_t count) {
  return (resp3 ? '>' : '*') + std::to_string(count) + "\r\n";
}

}  // namespace ullage::command
