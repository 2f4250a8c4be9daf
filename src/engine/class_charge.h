// What a call is about to add to a class: reserved before, kept if the call succeeds.
#pragma once

#include "engine/classes.h"

#include <cstdint>

namespace ullage::engine {

/// The group's shard is held all its life.
class ClassCharge {
 public:
  /// `replaced_bytes`: what the entry that is there is charged, and the new one takes the place of.
  ClassCharge(Classes& classes, std::uint64_t group_hash, ClassId id,
              std::uint64_t replaced_bytes) noexcept
      : classes_(classes), group_hash_(group_hash), id_(id), replaced_(replaced_bytes) {}
  ~ClassCharge() {
    if (reserved_ != 0) classes_.uncharge(id_, group_hash_, reserved_);
  }
  ClassCharge(const ClassCharge&) = delete;
  ClassCharge& operator=(const ClassCharge&) = delete;

  /// Answers the class that has no room for it: then nothing is reserved. k_no_class: reserved.
  [[nodiscard]] ClassId reserve(std::uint64_t bytes) noexcept {
    if (id_ == k_no_class) return k_no_class;
    if (bytes < replaced_) {
      less_ = replaced_ - bytes;
      return k_no_class;
    }
    if (bytes == replaced_) return k_no_class;
    const ClassId full = classes_.reserve(id_, group_hash_, bytes - replaced_);
    if (full == k_no_class) reserved_ = bytes - replaced_;
    return full;
  }
  /// The write has happened, and with it so many entries and groups have come.
  void keep(std::uint64_t entries, std::uint64_t groups) noexcept {
    if (id_ == k_no_class) return;
    reserved_ = 0;
    if (less_ != 0) classes_.uncharge(id_, group_hash_, less_);
    less_ = 0;
    if (entries != 0) classes_.count_entries(id_, entries);
    if (groups != 0) classes_.count_groups(id_, groups);
  }

 private:
  Classes& classes_;
  const std::uint64_t group_hash_;
  const ClassId id_;
  const std::uint64_t replaced_;
  std::uint64_t reserved_ = 0;
  std::uint64_t less_ = 0;
};

/// A group that gets another name, and with it maybe another class. What both classes have above
/// them is charged the difference alone. Both shards are held all its life.
class ClassMove {
 public:
  struct End {
    ClassId id = k_no_class;
    std::uint64_t group_hash = 0;
    std::uint64_t bytes = 0;
  };
  ClassMove(Classes& classes, const End& from, const End& to) noexcept
      : classes_(classes), from_(from), to_(to) {}
  ~ClassMove() {
    for (ClassId id = to_.id; id != reserved_to_; id = classes_.above(id, to_.group_hash))
      classes_.unuse(id, more(id));
  }
  ClassMove(const ClassMove&) = delete;
  ClassMove& operator=(const ClassMove&) = delete;

  /// Answers the class that has no room for it: then nothing is reserved. k_no_class: reserved.
  [[nodiscard]] ClassId reserve() noexcept {
    for (reserved_to_ = to_.id; reserved_to_ != k_no_class;
         reserved_to_ = classes_.above(reserved_to_, to_.group_hash)) {
      if (!classes_.try_use(reserved_to_, more(reserved_to_))) return reserved_to_;
    }
    return k_no_class;
  }
  /// The group has moved.
  void keep(std::uint64_t entries) noexcept {
    reserved_to_ = to_.id;
    for (ClassId id = from_.id; id != k_no_class; id = classes_.above(id, from_.group_hash)) {
      const bool is_shared = lies_above(to_, id);
      classes_.unuse(id, !is_shared                ? from_.bytes
                         : from_.bytes > to_.bytes ? from_.bytes - to_.bytes
                                                   : 0);
    }
    if (to_.id != k_no_class) {
      classes_.own(to_.id, to_.bytes);
      classes_.count_groups(to_.id, 1);
      classes_.count_entries(to_.id, entries);
    }
    if (from_.id != k_no_class) {
      classes_.disown(from_.id, from_.bytes);
      classes_.uncount_groups(from_.id, 1);
      classes_.uncount_entries(from_.id, entries);
    }
  }

 private:
  [[nodiscard]] bool lies_above(const End& end, ClassId wanted) const noexcept {
    for (ClassId id = end.id; id != k_no_class; id = classes_.above(id, end.group_hash)) {
      if (id == wanted) return true;
    }
    return false;
  }
  /// What a class of the new name is charged.
  [[nodiscard]] std::uint64_t more(ClassId id) const noexcept {
    if (!lies_above(from_, id)) return to_.bytes;
    return to_.bytes > from_.bytes ? to_.bytes - from_.bytes : 0;
  }

  Classes& classes_;
  const End from_;
  const End to_;
  ClassId reserved_to_ = to_.id;  // of the chain from to_ on, everything before this is reserved
};

}  // namespace ullage::engine
