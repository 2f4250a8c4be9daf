// What a service writes before it knows better: a map of maps, without any bound.
#include "replay/target.h"

#include <functional>
#include <unordered_map>

namespace ullage::app {
namespace {

// Lookups by string_view, so that the comparison does not charge it for temporaries.
struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
template <class Value>
using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

class NaiveTarget final : public Target {
 public:
  explicit NaiveTarget(const ValuePattern& pattern) : pattern_(pattern) {}

  bool lookup(const PreparedRequest& prepared, Worker& worker) override {
    if (const auto group = groups_.find(prepared.request.group); group != groups_.end()) {
      const auto field = group->second.find(prepared.request.field);
      if (field != group->second.end()) {
        // Copied out, as a service that lets go of its lock must.
        field->second.copy(worker.buffer.data(), worker.buffer.size());
        return true;
      }
    }
    store(prepared, worker);
    return false;
  }

  void store(const PreparedRequest& prepared, Worker& worker) override {
    if (prepared.request.size >
        pattern_.value_max()) {  // as our cache does, to compare like with like
      ++worker.bypassed;
      return;
    }
    const std::string_view value = pattern_.value(prepared.id, prepared.request.size);
    auto& fields = groups_[std::string(prepared.request.group)];
    const auto [at, fresh] =
        fields.insert_or_assign(std::string(prepared.request.field), std::string(value));
    entries_ += fresh ? 1 : 0;
  }

  void erase(const PreparedRequest& prepared) override {
    const auto group = groups_.find(prepared.request.group);
    if (group == groups_.end()) return;
    const auto field = group->second.find(prepared.request.field);
    if (field == group->second.end()) return;
    group->second.erase(field);
    if (group->second.empty()) groups_.erase(group);
    --entries_;
    ++erased_;
  }

  void read(ReplayResult& result) const override {
    result.entries = entries_;
    result.groups = groups_.size();
    result.removals = {0, 0, 0, erased_, 0};
  }

 private:
  const ValuePattern& pattern_;
  Map<Map<std::string>> groups_;
  std::uint64_t entries_ = 0;
  std::uint64_t erased_ = 0;
};

}  // namespace

std::unique_ptr<Target> make_naive_target(const ValuePattern& pattern) {
  return std::make_unique<NaiveTarget>(pattern);
}

}  // namespace ullage::app
