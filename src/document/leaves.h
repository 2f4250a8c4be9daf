// The leaves of a document, or of a part of it, in their order; and their text.
//
// A group's entries come in the order of their hashes. Each leaf says how many stand before it, so
// one pass puts all in their places, and a second one writes them: where two leaves part is where
// containers end and begin.
#pragma once

#include <ullage/document.h>
#include <ullage/group.h>

#include "document/leaf.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::document {

class Leaves {
 public:
  struct One {
    std::string_view pointer;
    std::string_view token;
    std::uint64_t names;
  };

  /// Those at or below `base`. The group's views must outlive it. Error: wrong_kind.
  static Result<Leaves> of(const GroupView& group, std::string_view base);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
  [[nodiscard]] One operator[](std::size_t i) const noexcept {
    const Slot& slot = slots_[i];
    const std::string_view pointer(slot.field, slot.field_bytes);
    // Mostly the place is a byte or two, and no step looks like what it is not.
    const auto first = static_cast<std::uint8_t>(slot.value[0]);
    if ((first & 0x81) == 0) return {pointer, {slot.value + 1, slot.value_bytes - 1}, 0};
    if ((first & 1) == 0 && slot.value_bytes > 2 && (slot.value[1] & 0x80) == 0)
      return {pointer, {slot.value + 2, slot.value_bytes - 2}, 0};
    const Leaf leaf = decode_leaf({slot.value, slot.value_bytes}).value_or(Leaf{0, 0, "n"});
    return {pointer, leaf.token, leaf.names};
  }
  [[nodiscard]] std::string_view base() const noexcept { return base_; }
  /// Of what the base names. REQUIRES: not empty.
  [[nodiscard]] JsonType type() const noexcept;
  /// Adds the text of what the base names. REQUIRES: not empty.
  void write(std::string& to) const;
  /// How many members or elements the base has; a scalar has none.
  [[nodiscard]] std::uint64_t count() const;
  /// Names of an object's members in their order.
  [[nodiscard]] std::vector<std::string> keys() const;

 private:
  /// The step of a leaf's pointer that begins at `at`, a slash.
  [[nodiscard]] static std::string_view step_at(const One& leaf, std::size_t at) noexcept;
  [[nodiscard]] static bool is_index(const One& leaf, std::string_view step,
                                     std::size_t depth) noexcept;

  /// A leaf's bytes: field and value lie side by side in the copy that a look is made of, so one
  /// wait for memory brings both.
  struct Slot {
    const char* field = nullptr;  // none: no leaf stands here
    const char* value = nullptr;
    std::uint32_t field_bytes = 0;
    std::uint32_t value_bytes = 0;
  };
  [[nodiscard]] static Slot slot_of(const GroupEntry& entry) noexcept {
    return {entry.field.data(), entry.value.data(), static_cast<std::uint32_t>(entry.field.size()),
            static_cast<std::uint32_t>(entry.value.size())};
  }

  std::vector<Slot> slots_;  // in the order of the document
  std::size_t bytes_ = 0;    // of their fields and values
  std::string_view base_;
  std::size_t base_depth_ = 0;  // its steps
};

}  // namespace ullage::document
