// The text of a document out of its leaves: one pass, mostly sixteen bytes at a time.
#include "document/bytes16.h"
#include "document/json_text.h"
#include "document/leaves.h"
#include "document/tree.h"

#include <array>
#include <cstring>

namespace ullage::document {

namespace {
// A view of a group lets so much be read behind each name and value.
static_assert(k_group_view_pad_bytes >= k_bytes16);

/// How many bytes two pointers begin with alike.
[[gnu::always_inline]] inline std::size_t common_bytes(std::string_view a,
                                                       std::string_view b) noexcept {
  const std::size_t most = std::min(a.size(), b.size());
  const char* const of_a = a.data();
  const char* const of_b = b.data();
  for (std::size_t i = 0;; i += k_bytes16) {
    const Mask16 differs = Bytes16(of_a + i).differs(Bytes16(of_b + i));
    if (differs != 0) return std::min(most, i + first_of(differs));
    if (i + k_bytes16 >= most) return most;
  }
}

/// Copies so many bytes, and some more: the longer ones by a call.
[[gnu::always_inline]] inline char* put(char* at, std::string_view bytes) noexcept {
  const char* const from = bytes.data();
  Bytes16(from).store(at);
  if (bytes.size() > k_bytes16) [[unlikely]]
    std::memcpy(at + k_bytes16, from + k_bytes16, bytes.size() - k_bytes16);
  return at + bytes.size();
}

/// Where characters are written at the end of a string. Its ends are handed around by value: who
/// writes characters through a pointer cannot know what they change, unless that lies in registers.
class Text {
 public:
  Text(std::string& to, std::size_t bytes) : at(to.data() + to.size()), to_(to) {
    at = grow(at, bytes);
  }
  ~Text() { to_.resize(static_cast<std::size_t>(at - to_.data())); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  /// Room for so many bytes behind `from`, where writing has come to; answers where that is now.
  [[gnu::always_inline]] char* room(char* from, std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - from) >= bytes) [[likely]]
      return from;
    return grow(from, bytes);
  }

  char* at;  ///< where writing ends

 private:
  [[gnu::noinline]] char* grow(char* from, std::size_t bytes) {
    const auto used = static_cast<std::size_t>(from - to_.data());
    // Not cleared before it is written.
    to_.resize_and_overwrite(used + used / 2 + bytes, [](char*, std::size_t size) { return size; });
    end_ = to_.data() + to_.size();
    return at = to_.data() + used;  // so that it is true whatever is thrown
  }

  std::string& to_;
  char* end_ = nullptr;
};

/// What a token of one character stands for (characters_of()), to be copied as one word; none for
/// others.
struct Word {
  char text[8];
  std::uint8_t bytes;
};
constexpr char k_first_word = '[';
constexpr std::size_t k_words = '{' - k_first_word + 1;
constexpr std::array<Word, k_words> k_word_table = [] {
  std::array<Word, k_words> words{};
  for (std::size_t i = 0; i < k_words; ++i) {
    const char token = static_cast<char>(k_first_word + static_cast<char>(i));
    const std::string_view characters = characters_of({&token, 1});
    if (characters.size() == 1) continue;
    words[i].bytes = static_cast<std::uint8_t>(characters.copy(words[i].text, sizeof(Word::text)));
  }
  return words;
}();

[[gnu::always_inline]] inline char* put_token(char* at, std::string_view token) noexcept {
  const auto word = static_cast<std::size_t>(static_cast<unsigned char>(token[0]) - k_first_word);
  if (word < k_words && k_word_table[word].bytes != 0) {
    std::memcpy(at, k_word_table[word].text, sizeof(Word::text));
    return at + k_word_table[word].bytes;
  }
  const bool is_string = token[0] == '"';
  at = put(at, token);
  *at = '"';
  return at + (is_string ? 1 : 0);
}
}  // namespace

/// Everything that is written is followed by a comma, which what ends a container then takes the
/// place of. Where writing is and which container it is in are handed around by value, so that they
/// lie in registers.
class Leaves::Writer {
 public:
  Writer(const Leaves& leaves, std::string& to)
      : leaves_(leaves), text_(to, leaves.bytes_ + 16 * leaves.size() + k_around_a_leaf) {}

  void write() {
    constexpr std::ptrdiff_t k_ahead = 8;  // leaves whose memory is asked for before they are met
    const std::size_t base_bytes = leaves_.base_.size();
    const Slot* const last = leaves_.slots_.data() + leaves_.slots_.size();
    char* at = text_.at;
    Open* in = open_.data();  // the container that is being written
    in->end = k_no_end;
    std::string_view before;
    for (const Slot* slot = leaves_.slots_.data(); slot != last; ++slot) {
      if (last - slot > k_ahead) __builtin_prefetch(slot[k_ahead].field);
      const std::string_view pointer = slot->pointer();
      if (pointer.size() <= base_bytes) continue;  // no document of ours
      at = text_.room(at, room_of(*slot));
      if (in->end == k_no_end) {
        at = open(at, in, *slot, base_bytes);
      } else {
        const std::size_t common = common_bytes(pointer, before);
        for (; in->end >= common && in != open_.data() + 1; --in)
          at = close(at, *in);
      }
      before = pointer;
      std::size_t end = in->end;
      for (;;) {
        at = step(at, *in, *slot, end);
        if (end == pointer.size()) break;
        if (in + 1 == open_.data() + open_.size()) break;  // deeper than any document of ours
        at = open(at, in, *slot, end);
      }
      at = put_token(at, slot->token());
      *at++ = ',';
    }
    at = text_.room(at, k_around_a_leaf);
    const bool is_any = in != open_.data();
    for (; in != open_.data(); --in)
      at = close(at, *in);
    text_.at = at - (is_any ? 1 : 0);  // the comma
  }

 private:
  /// A container that is being written.
  struct Open {
    std::size_t end;     // of its path in the pointers below it
    std::uint32_t next;  // of an array's elements
    bool is_array;
  };
  static constexpr std::size_t k_no_end = SIZE_MAX;  // no container: what lies below the first
  static constexpr std::size_t k_around_a_step = 8;  // quotes, a colon, a comma, a bracket
  /// Beside a leaf's pointer and token: what steps have around them, containers that end, and what
  /// is written too much by sixteens.
  static constexpr std::size_t k_around_a_leaf =
      (k_around_a_step + 1) * (k_document_max_depth + 1) + 2 * k_bytes16;
  static constexpr std::string_view k_hole = "null,";

  static std::size_t room_of(const Slot& leaf) noexcept {
    return std::size_t{leaf.field_bytes} + leaf.token_bytes + k_around_a_leaf;
  }

  /// The container that the step behind `end` is in.
  [[gnu::always_inline]] char* open(char* at, Open*& in, const Slot& leaf,
                                    std::size_t end) noexcept {
    const char first = leaf.field[end + 1];
    const bool is_array = first >= '0' && first <= '9' && is_element(leaf, end, depth_of(in));
    *++in = {end, 0, is_array};
    *at = is_array ? '[' : '{';
    return at + 1;
  }
  [[nodiscard]] std::size_t depth_of(const Open* in) const noexcept {
    return leaves_.base_depth_ + static_cast<std::size_t>(in - open_.data());
  }
  [[nodiscard]] static bool is_element(const Slot& leaf, std::size_t end,
                                       std::size_t depth) noexcept {
    const std::string_view below = leaf.pointer().substr(end + 1);
    return leaf.index(below.substr(0, below.find('/')), depth).has_value();
  }
  [[gnu::always_inline]] static char* close(char* at, const Open& in) noexcept {
    at[-1] = in.is_array ? ']' : '}';
    *at = ',';
    return at + 1;
  }

  /// A step of a leaf's pointer that begins at `end`, which goes on to where it ends: as a member's
  /// name, or as the elements that were lost before it.
  [[gnu::always_inline]] char* step(char* at, Open& in, const Slot& leaf, std::size_t& end) {
    const char* const name = leaf.field + end + 1;
    const std::size_t left = leaf.field_bytes - end - 1;
    const Bytes16 bytes(name);
    const std::size_t stop = std::min(left, first_of(bytes.is('/')));
    if (in.is_array) {
      end += 1 + stop;
      return holes(at, leaf, in, {name, stop});
    }
    *at++ = '"';
    if (stop == k_bytes16 || (bytes.is_special() & ((Mask16{1} << stop) - 1)) != 0) [[unlikely]] {
      const std::string_view rest(name, left);
      const std::string_view step = rest.substr(0, rest.find('/'));
      end += 1 + step.size();
      at = long_name(at, leaf, step);
    } else {
      end += 1 + stop;
      bytes.store(at);
      at += stop;
    }
    *at++ = '"';
    *at++ = ':';
    return at;
  }
  [[gnu::noinline]] char* long_name(char* at, const Slot& leaf, std::string_view step) {
    if (!needs_escape(step) && !is_escaped(step)) return put(at, step);
    std::string text;
    append_escaped(text, unescaped(step));
    at = text_.room(at, text.size() + room_of(leaf));
    return at + text.copy(at, text.size());
  }
  [[gnu::always_inline]] char* holes(char* at, const Slot& leaf, Open& in, std::string_view step) {
    const std::uint32_t index = index_of(step).value_or(in.next);
    if (index > in.next) [[unlikely]]
      at = holes(at, leaf, index - in.next);
    in.next = index + 1;
    return at;
  }
  [[gnu::noinline]] char* holes(char* at, const Slot& leaf, std::uint32_t count) {
    for (; count != 0; --count) {
      at = text_.room(at, k_hole.size() + room_of(leaf));
      at += k_hole.copy(at, k_hole.size());
    }
    return at;
  }

  const Leaves& leaves_;
  Text text_;
  std::array<Open, k_document_max_depth + 2> open_;  // the first stands for none
};

void Leaves::write(std::string& to) const {
  if (is_scalar()) {
    append_token_text(to, slots_[0].token());
    return;
  }
  Writer(*this, to).write();
}

}  // namespace ullage::document
