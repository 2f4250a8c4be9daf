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
  };

  /// Those at or below `base`. The group's views must outlive it. Error: wrong_kind.
  static Result<Leaves> of(const GroupView& group, std::string_view base);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
  [[nodiscard]] One operator[](std::size_t i) const noexcept {
    const Slot& slot = slots_[i];
    return {slot.pointer(), slot.token()};
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
  class Writer;

  /// A leaf's bytes: field and value lie side by side in the copy that a look is made of, so one
  /// wait for memory brings both.
  struct Slot {
    const char* field = nullptr;  // none: no leaf stands here
    const char* token_begin = nullptr;
    std::uint32_t token_bytes = 0;
    std::uint16_t field_bytes = 0;
    std::uint8_t token_at = 0;  // in the value
    bool has_names = false;

    [[nodiscard]] std::string_view pointer() const noexcept { return {field, field_bytes}; }
    [[nodiscard]] std::string_view token() const noexcept { return {token_begin, token_bytes}; }
    [[nodiscard]] std::string_view value() const noexcept {
      return {token_begin - token_at, std::size_t{token_bytes} + token_at};
    }
    /// What it is that the pointer's step `depth` names, if an element.
    [[nodiscard]] std::optional<std::uint32_t> index(std::string_view step,
                                                     std::size_t depth) const noexcept;
  };
  static_assert(k_name_max_bytes <= UINT16_MAX);

  static Slot slot_of(const GroupEntry& entry, const LeafHead& head) noexcept {
    return {entry.field.data(),
            entry.value.data() + head.token_at,
            static_cast<std::uint32_t>(entry.value.size() - head.token_at),
            static_cast<std::uint16_t>(entry.field.size()),
            head.token_at,
            head.has_names};
  }
  /// The same whoever wrote it: places may be anything, and leaves come in some order.
  static Result<Leaves> sorted(const GroupView& group, Leaves& leaves);
  /// The step of a leaf's pointer that is the first below the base.
  [[nodiscard]] std::string_view step_of(const Slot& leaf) const noexcept;
  [[nodiscard]] bool is_scalar() const noexcept { return slots_[0].field_bytes == base_.size(); }

  std::vector<Slot> slots_;  // in the order of the document
  std::size_t bytes_ = 0;    // of their fields and values
  std::string_view base_;
  std::size_t base_depth_ = 0;  // its steps
};

}  // namespace ullage::document
