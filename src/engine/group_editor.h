// Changing a group as a whole: look at all of it, decide, and put the new whole in place of the
// old in one change of its shard.
//
// Everything that can fail comes before that change: large values are written to pieces first, the
// bucket is made to have room for the record, and a large group's pages are all taken before any is
// linked. So an edit is there as a whole or not at all, for readers as for whom it fails.
#pragma once

#include <ullage/cache.h>
#include <ullage/group.h>

#include "engine/class_charge.h"
#include "engine/group_copy.h"
#include "engine/new_leaves.h"
#include "engine/writer.h"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::engine {

class GroupEditor {
 public:
  using Edit = FunctionRef<Result<void>(GroupEdit&)>;

  GroupEditor(State& state, const Directory& directory, RemovalRing& ring, Debt& debt,
              Reclaim& reclaim, Writer& writer) noexcept
      : state_(state),
        directory_(directory),
        ring_(ring),
        debt_(debt),
        reclaim_(reclaim),
        writer_(writer),
        lookup_(state, directory),
        pieces_(state) {}

  /// `edit` runs under the shard's lock, again after room was made; its refusal is passed on.
  [[nodiscard]] Result<EditOutcome> edit(std::string_view name, Edit edit);

 private:
  /// A large value that was written to pieces before the edit that it is for.
  struct PreparedValue {
    std::string value;
    Ref first = k_no_ref;
  };
  /// What one call has in its hands.
  struct Call;
  enum class Step : std::uint8_t { done, refused, need_room, need_pieces, class_is_full };
  struct Attempt {
    Step step = Step::done;
    EditOutcome outcome{};
    std::optional<Error> error{};
    ClassId full = k_no_class;
    std::uint64_t bytes = 0;  ///< class_is_full
  };
  struct Plan;
  static Attempt refused(Errc code, std::string message) {
    return {.step = Step::refused, .error = Error{code, std::move(message)}};
  }
  [[nodiscard]] Attempt attempt(Call& call, Edit edit);
  [[nodiscard]] std::optional<Error> check(const GroupEdit& edit, const GroupLimits& limits) const;
  void plan(Call& call, const GroupEdit& edit, GroupCopy& copy, std::int64_t class_ttl_ms,
            Plan& plan);
  [[nodiscard]] Step put(Call& call, const Plan& plan, ClassId class_id);
  void publish(const Call& call, const Plan& plan, ClassId class_id);

  State& state_;
  const Directory& directory_;
  RemovalRing& ring_;
  Debt& debt_;
  Reclaim& reclaim_;
  Writer& writer_;
  Lookup lookup_;
  Pieces pieces_;
};

}  // namespace ullage::engine
