// A group as a whole: looked at as it is at one moment, changed in one step that others see all of
// or nothing.
//
//   cache.read_group("user:42", [](const GroupView& user) {
//     for (const GroupEntry& entry : user.entries) show(entry.field, entry.value);
//   });
//   cache.edit_group("user:42", [](GroupEdit& user) -> Result<void> {
//     user.set("from", "savings"), user.set("to", "checking");
//     return {};
//   });
//
// COST. Both look at the whole group: O(its entries), at most k_group_edit_max_fields of them and
// k_group_edit_max_bytes of names and values. What is looked at is copied, outside the cache's
// limit, for the time of the call. Calls on single entries cost less and are as safe.
#pragma once

#include <ullage/options.h>
#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ullage {

namespace engine {
class GroupEditor;
}

/// One entry of a group.
struct GroupEntry {
  std::string_view field;
  std::string_view value;
  Ttl ttl;
};

/// Bytes that may be read behind each name and value of a GroupView, whatever they are: code that
/// works on many bytes at once need not mind where one ends.
inline constexpr std::size_t k_group_view_pad_bytes = 16;

/// All that a group holds at one moment; entries whose time has come are left out. Views are valid
/// during the call that they are given to, and k_group_view_pad_bytes longer than they say.
struct GroupView {
  std::span<const GroupEntry> entries;  ///< in no order; none: there is no such group
  std::uint8_t kind = 0;                ///< see GroupEdit::set_kind()
  /// Of a group of a kind: since forget_losses() entries of it were evicted, have expired, or went
  /// for a limit, so that what is there is not all that was written.
  bool has_losses = false;
};

/// Whether a look at a group is a use of it.
enum class GroupUse : std::uint8_t {
  counts,  ///< a hit or a miss, and each entry was read: it stays the longer
  none,
};

/// How one entry is written by an edit.
struct EditOptions {
  std::optional<Millis> ttl{};  ///< none: no time to live; at least 1 ms, at most k_ttl_max_ms
  bool keep_ttl = false;        ///< leave the one that it has (ttl must then be empty)
};

/// What is to become of a group: given to the callback of Cache::edit_group(). Nothing happens
/// before the callback returns; of several changes of one field the last counts. What is passed is
/// copied.
class GroupEdit {
 public:
  GroupEdit(const GroupEdit&) = delete;
  GroupEdit& operator=(const GroupEdit&) = delete;

  /// What is there now.
  [[nodiscard]] const GroupView& before() const noexcept { return before_; }

  void set(std::string_view field, std::string_view value, const EditOptions& options = {});
  /// The value's bytes become others and what they mean stays the same: nobody is told, it counts
  /// as no write, and the entry's time to live and use stay. Of an entry that is not there: set().
  void restate(std::string_view field, std::string_view value);
  void erase(std::string_view field);
  /// What the group is, to its user: at most k_group_kind_max; 0 for none, as it is unless asked
  /// for. A kind costs a byte a group, goes with it under another name, and makes the cache keep
  /// whether it lost entries. Reads of single entries of such a group take the longer way
  /// of those with extensions.
  void set_kind(std::uint8_t kind) noexcept { kind_ = kind; }
  /// What is there after this edit is all there is to be: GroupView::has_losses begins anew.
  void forget_losses() noexcept { forgets_losses_ = true; }

 private:
  friend class engine::GroupEditor;
  enum class Action : std::uint8_t { set, restate, erase };
  struct Change {
    Action action;
    std::string_view field;
    std::string_view value;
    EditOptions options;
  };
  explicit GroupEdit(const GroupView& before) noexcept : before_(before), kind_(before.kind) {}
  std::string_view keep(std::string_view bytes);

  GroupView before_;
  std::uint8_t kind_;
  bool forgets_losses_ = false;
  std::vector<Change> changes_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;  // in the last block
  std::size_t left_ = 0;
};

/// What a group of a kind is; see GroupEdit::set_kind() and GroupView.
struct GroupKind {
  std::uint8_t kind = 0;
  bool has_losses = false;
};

/// What an edit did.
struct EditOutcome {
  std::uint64_t inserted = 0;
  std::uint64_t replaced = 0;
  std::uint64_t erased = 0;
};

}  // namespace ullage
