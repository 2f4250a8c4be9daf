// The common read in one pass: a group that lies whole in its bucket and carries nothing but its
// name, a field with a plain value.
//
// Reader::look() answers everything and builds a description of all it meets on the way; this one
// keeps what it needs in registers and gives up (`unsure`) on what is not the common case: large
// groups, extensions but the class, long names, pieces. So a get is a third fewer instructions.
// Reads shared bytes without a lock, like look(): every offset is checked, and nothing counts until
// the shard's version has proved unchanged.
#pragma once

#include "base/words.h"
#include "engine/directory.h"
#include "engine/entry.h"
#include "engine/layout.h"
#include "engine/record.h"
#include "engine/slots.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ullage::engine {

class Glance {
 public:
  enum class Saw : std::uint8_t { unsure, absent, begun, found };

  explicit Glance(const State& state) noexcept : state_(state) {}

  /// The group's bucket.
  [[gnu::always_inline]] Saw bucket(const Shard& shard, const Names& names) noexcept {
    const std::uint64_t hash = state_.in_shard(names.group_hash);
    const std::byte* ref_at = reinterpret_cast<const std::byte*>(shard.refs) +
                              4 * leading_bits(hash, 0, k_shard_node_bits);
    std::uint64_t head = 0;
    for (int nodes = 0;; ++nodes) {
      const Ref ref = base::load_u32(ref_at);
      if (ref == k_no_ref) return Saw::absent;
      if (!state_.arena->plausible(ref)) return Saw::unsure;
      page_ = state_.page(ref);
      head = base::load_u64(page_);
      const auto kind = static_cast<PageKind>(head & 0xff);
      if (kind == PageKind::bucket) break;
      const auto depth = static_cast<unsigned>(head >> 8 & 0xff);
      const auto bits = static_cast<unsigned>(head >> 48);
      if (kind != PageKind::shard_node || nodes == k_nodes_max || depth > k_depth_max ||
          bits > k_node_bits_max || bits == 0)
        return Saw::unsure;
      ref_at = page_ + k_header_bytes + 4 * leading_bits(hash, depth, bits);
    }
    area_at_ = items_at(static_cast<std::uint8_t>(head >> 16));
    used_ = static_cast<std::uint32_t>(head >> 32 & 0xffff);
    records_ = static_cast<std::uint32_t>(head >> 48);
    if (used_ < area_at_ || used_ > arena::k_page_max_bytes || !records().sane())
      return Saw::unsure;
    candidate_ = records().find_tag(names.group_tag(), 0);
    return candidate_ < records_ ? Saw::begun : Saw::absent;
  }

  /// The group's record in the bucket just found.
  [[gnu::always_inline]] Saw group(const Names& names) noexcept {
    const SlotsView<SharedBytes> slots = records();
    const std::uint8_t tag = names.group_tag();
    for (std::uint32_t i = candidate_; i < records_; i = slots.find_tag(tag, i + 1)) {
      const auto item = slots.item(i);
      const std::uint64_t record = base::load_u64(item.at);
      const auto flags = static_cast<std::uint8_t>(record >> 8);
      if ((flags & ~detail::k_record_class) != 0) return Saw::unsure;
      const auto name_bytes = static_cast<std::uint32_t>(record >> 16 & 0xff);
      if (name_bytes != names.group.size()) continue;
      std::uint32_t name_at = k_record_name_at;
      if (flags != 0) name_at += k_record_class_bytes;
      if (name_at + name_bytes > item.bytes) return Saw::unsure;
      if (!base::equals(item.at + name_at, names.group)) continue;
      has_group_ = true;
      if (flags != 0) {
        class_id_ = static_cast<ClassId>(record >> (8 * k_record_name_at));
        if (state_.classes.limit_groups() && state_.classes.idle_ms(class_id_) > 0)
          return Saw::unsure;
      }
      body_ = item.at + name_at + name_bytes;
      body_bytes_ = item.bytes - name_at - name_bytes;
      fields_ = static_cast<std::uint32_t>(record & 0xff);
      slot_rank_at_ = slots.rank_at(i);
      if (fields_ == 0 || (fields_ > 1 && !fields().slots().sane())) return Saw::unsure;
      candidate_ = fields().find_tag(names.field_tag(), 0);
      return candidate_ < fields_ ? Saw::found : Saw::absent;
    }
    return Saw::absent;
  }

  /// The field in the group just found. Absent if its time has come.
  [[gnu::always_inline]] Saw field(const Names& names) noexcept {
    const RecordFields<SharedBytes> all = fields();
    const std::uint8_t tag = names.field_tag();
    for (std::uint32_t i = candidate_; i < fields_; i = all.find_tag(tag, i + 1)) {
      const auto item = all.item(i);
      const std::uint64_t word = base::load_u64(item.at);
      const auto first = static_cast<std::uint8_t>(word);
      if ((first & detail::k_long) != 0) return Saw::unsure;
      if ((first & detail::k_short_field_max) != names.field.size()) continue;
      const auto offset = static_cast<std::uint32_t>(word >> 8);
      const std::uint32_t field_at =
          (first & detail::k_short_timed) != 0 ? 1 + detail::offset_bytes(offset) : 1;
      const std::uint32_t value_at = field_at + static_cast<std::uint32_t>(names.field.size());
      if (value_at > item.bytes) return Saw::unsure;
      if (!base::equals(item.at + field_at, names.field)) continue;
      if (field_at != 1) {
        deadline_ms_ =
            load_page_base<SharedBytes>(page_ + k_header_bytes) + detail::offset_ms(offset);
        if (deadline_ms_ <= state_.now_ms()) return Saw::absent;
      }
      value_ = item.at + value_at;
      value_bytes_ = item.bytes - value_at;
      rank_at_ = fields_ == 1 ? slot_rank_at_ : all.slots().rank_at(i);
      return Saw::found;
    }
    return Saw::absent;
  }

  [[nodiscard]] const std::byte* value() const noexcept { return value_; }
  [[nodiscard]] std::uint32_t value_bytes() const noexcept { return value_bytes_; }
  [[nodiscard]] std::int64_t deadline_ms() const noexcept { return deadline_ms_; }
  [[nodiscard]] std::byte* rank_at() const noexcept { return const_cast<std::byte*>(rank_at_); }
  /// Whether the group is there, and its class.
  [[nodiscard]] bool has_group() const noexcept { return has_group_; }
  [[nodiscard]] ClassId class_id() const noexcept { return class_id_; }

 private:
  static constexpr int k_nodes_max = 12;
  static constexpr std::uint32_t k_record_name_at = 3;  // fields, flags, length: record.h
  static constexpr std::uint32_t k_record_class_bytes = 2;

  [[nodiscard]] SlotsView<SharedBytes> records() const noexcept {
    return {page_ + area_at_, records_, page_slots_cap(records_), used_ - area_at_};
  }
  [[nodiscard]] RecordFields<SharedBytes> fields() const noexcept {
    return {body_, body_bytes_, fields_};
  }

  const State& state_;
  const std::byte* page_ = nullptr;
  std::uint32_t area_at_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t records_ = 0;
  std::uint32_t candidate_ = 0;  // the first slot that bears the tag, of records or of fields
  const std::byte* body_ = nullptr;
  std::uint32_t body_bytes_ = 0;
  std::uint32_t fields_ = 0;
  bool has_group_ = false;
  ClassId class_id_ = k_no_class;
  const std::byte* slot_rank_at_ = nullptr;
  std::int64_t deadline_ms_ = k_never_ms;
  const std::byte* value_ = nullptr;
  std::uint32_t value_bytes_ = 0;
  const std::byte* rank_at_ = nullptr;
};

}  // namespace ullage::engine
