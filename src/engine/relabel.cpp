#include "engine/relabel.h"

#include "engine/rebase.h"
#include "engine/writer.h"

#include <algorithm>
#include <string>
#include <vector>

namespace ullage::engine {

namespace {
constexpr std::size_t k_shards_a_step = 1024;
constexpr std::size_t k_places_a_step = 1024;  // of which all but the last hold no group
constexpr int k_restarts_max = 64;             // splits within one hold of the lock
}  // namespace

bool Relabel::step(CallWork& work) {
  switch (phase_) {
    case Phase::idle:
      if (!state_.classes.has_changes()) return false;
      state_.classes.begin_walk();
      next_shard_ = 0;
      phase_ = Phase::visiting;
      return true;
    case Phase::visiting: {
      const std::size_t end = std::min(next_shard_ + k_shards_a_step, state_.shard_count());
      for (; next_shard_ < end; ++next_shard_)
        const ShardGuard guard(state_.shards[next_shard_]);
      if (next_shard_ < state_.shard_count()) return true;
      state_.classes.change_order();
      phase_ = Phase::walking;
      return true;
    }
    case Phase::walking:
      walk(work);
      if (!state_.classes.is_settled()) return true;
      state_.classes.end_walk();
      // Groups may have come to limits of their own that they exceed.
      expiry_.all_due();
      phase_ = Phase::idle;
      return true;
  }
  return false;
}

void Relabel::walk(CallWork& work) {
  for (std::size_t n = 0; n < k_places_a_step && !state_.classes.is_settled(); ++n) {
    switch (writer_.relabel_next(work)) {
      case Writer::Relabelled::nothing_there:
        break;
      case Writer::Relabelled::done:
        return;
      case Writer::Relabelled::need_room: {
        const Patience patience(work, 0);
        reclaim_.make_room(patience, work);
        return;
      }
    }
  }
}

Writer::Relabelled Writer::relabel_next(CallWork& work) {
  struct Move {
    ClassId from;
    ClassId to;
    GroupCharge charge;
  };
  Classes& classes = state_.classes;
  const std::uint64_t position = classes.position();
  Shard& shard = state_.shard_of(position);
  const ShardGuard guard(shard);
  const Level level = directory_.shard_level(shard);
  const std::uint64_t in_shard = state_.in_shard(position);
  for (int restart = 0; restart < k_restarts_max; ++restart) {
    const Found found = directory_.find(level, in_shard);
    if (found.page != k_no_ref) {
      PageImage image;
      image.load(state_.page(found.page));
      std::vector<Move> moves;
      bool changed = false;
      std::int64_t end = k_never_ms;
      for (std::uint32_t i = 0; i < image.count(); ++i) {
        const std::byte* at = image.slots().at(i);
        const RecordHead head = image.record(i);
        const std::string name(chars(at + head.name_at, head.name_bytes));
        // A bucket that was merged since may hold groups that the walk has passed.
        if (state_.hash_group(name) < position) continue;
        const Move move{head.class_id, classes.match(name), charge_of(at, head)};
        if (move.from != k_no_class || move.to != k_no_class) moves.push_back(move);
        if (move.from == move.to) continue;
        RecordImage record;
        record.load(at, image.slots().size(i), image.slots().rank(i));
        RecordDraft draft = draft_of(record.bytes(), record.head());
        draft.name = name;
        draft.class_id = move.to;
        record.rehead(draft);
        image.replace_item(i, record.bytes(), record.size());
        end = std::min(end, group_end_ms(state_, record.bytes(), record.head()));
        changed = true;
      }
      if (changed) {
        work.entries_moved += image.count();
        const Step fitted = fit_whole(level, found, in_shard, image, work);
        if (fitted == Step::restart) continue;
        if (fitted != Step::done ||
            !pages_.commit(level, found, in_shard, image, work, k_nothing_else))
          return Relabelled::need_room;
        lower_due(shard, end);
      }
      for (const Move& move : moves)
        classes.take_along(move.from, move.to, move.charge.bytes, move.charge.entries);
    }
    const std::uint64_t next = after_range(position, state_.shard_bits + found.depth());
    classes.set_position(next != 0 ? next : Classes::k_everything);
    return found.page != k_no_ref ? Relabelled::done : Relabelled::nothing_there;
  }
  return Relabelled::need_room;
}

}  // namespace ullage::engine
