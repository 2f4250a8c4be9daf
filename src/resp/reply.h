// Replies in RESP2 and RESP3: the same calls write either, as the client has chosen.
//
// Where RESP2 has no such type it gets what Redis gives it: a map is an array of twice the length,
// a set or a push an array, a double or a verbatim text a bulk string, null a null bulk string.
#pragma once

#include "resp/number.h"
#include "resp/output.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ullage::resp {

enum class Protocol : std::uint8_t { resp2 = 2, resp3 = 3 };

class Reply {
 public:
  explicit Reply(Output& out, Protocol protocol = Protocol::resp2) noexcept
      : out_(out), protocol_(protocol) {}

  [[nodiscard]] Output& output() noexcept { return out_; }
  [[nodiscard]] bool is_resp3() const noexcept { return protocol_ == Protocol::resp3; }
  void set_protocol(Protocol protocol) noexcept { protocol_ = protocol; }

  void simple(std::string_view text) { line('+', text); }
  void ok() { out_.append("+OK\r\n"); }
  /// `text` begins with its code: "ERR no such key". Line ends in it become blanks.
  void error(std::string_view text);
  void integer(std::int64_t value) { number(':', value); }
  void bulk(std::string_view bytes);
  void null() { out_.append(is_resp3() ? "_\r\n" : "$-1\r\n"); }
  void null_array() { out_.append(is_resp3() ? "_\r\n" : "*-1\r\n"); }
  void boolean(bool value) {
    if (is_resp3()) {
      out_.append(value ? "#t\r\n" : "#f\r\n");
    } else {
      integer(value ? 1 : 0);
    }
  }
  void real(double value);
  /// A text for people; `form` has three letters, as "txt".
  void verbatim(std::string_view form, std::string_view text);

  // Heads: so many elements (pairs, for a map) follow.
  void array(std::size_t count) { head('*', count); }
  void map(std::size_t pairs) { is_resp3() ? head('%', pairs) : head('*', 2 * pairs); }
  void set(std::size_t count) { head(is_resp3() ? '~' : '*', count); }
  void push(std::size_t count) { head(is_resp3() ? '>' : '*', count); }

  /// A head whose count is known only when its elements are written: where it goes.
  [[nodiscard]] std::size_t later() const noexcept { return out_.size(); }
  void array_at(std::size_t place, std::size_t count) { head_at(place, '*', count); }
  void set_at(std::size_t place, std::size_t count) {
    head_at(place, is_resp3() ? '~' : '*', count);
  }
  void map_at(std::size_t place, std::size_t pairs) {
    is_resp3() ? head_at(place, '%', pairs) : head_at(place, '*', 2 * pairs);
  }
  /// A head whose count is known but for what changes meanwhile: it is written before its elements
  /// and corrected after them only if it was wrong.
  struct Guess {
    std::size_t place = 0;
    std::size_t bytes = 0;  ///< of the head
    std::size_t count = 0;
    bool is_map = false;
  };
  [[nodiscard]] Guess guess_array(std::size_t count) { return guess(count, false); }
  [[nodiscard]] Guess guess_map(std::size_t pairs) { return guess(pairs, true); }
  void correct(const Guess& guess, std::size_t count) {
    if (guess.count == count || out_.failed()) return;
    out_.erase(guess.place, guess.bytes);
    guess.is_map ? map_at(guess.place, count) : array_at(guess.place, count);
  }
  /// The same of an element: it comes before what was written from there on.
  void bulk_at(std::size_t place, std::string_view bytes);

 private:
  Guess guess(std::size_t count, bool is_map) {
    const std::size_t place = out_.size();
    is_map ? map(count) : array(count);
    return {place, out_.size() - place, count, is_map};
  }
  void head(char type, std::size_t count) { number(type, static_cast<std::int64_t>(count)); }
  void head_at(std::size_t place, char type, std::size_t count);
  void line(char type, std::string_view text) {
    out_.append(type);
    out_.append(text);
    out_.append("\r\n");
  }
  void number(char type, std::int64_t value) {
    if (!out_.reserve(1 + k_integer_chars_max + 2)) return;
    char* const to = out_.end();
    out_.commit(static_cast<std::size_t>(put_number(to, type, value) - to));
  }
  /// A line of a type and a number; answers its end. Most lengths have one or two digits.
  static char* put_number(char* at, char type, std::int64_t value) noexcept {
    *at++ = type;
    if (value >= 0 && value < 10) {
      *at++ = static_cast<char>('0' + value);
    } else if (value >= 10 && value < 100) {
      *at++ = static_cast<char>('0' + value / 10);
      *at++ = static_cast<char>('0' + value % 10);
    } else {
      at = std::to_chars(at, at + k_integer_chars_max, value).ptr;
    }
    *at++ = '\r';
    *at++ = '\n';
    return at;
  }

  Output& out_;
  Protocol protocol_;
};

/// The shortest text that reads back as the same number: "3.1", "1e+21", "inf", "nan".
class RealText {
 public:
  explicit RealText(double value) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return {text_, bytes_}; }

 private:
  char text_[32];
  std::size_t bytes_ = 0;
};

}  // namespace ullage::resp
