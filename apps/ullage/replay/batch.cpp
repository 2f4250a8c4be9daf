#include "replay/batch.h"

#include <ullage/limits.h>

#include "base/hash.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace ullage::app {

Preparer::Preparer(RequestSource& source, const ReplayOptions& options)
    : source_(source),
      rule_(options.unsized.value_or(SizeRule{})),
      requests_max_(options.requests != 0 ? options.requests
                                          : std::numeric_limits<std::uint64_t>::max()),
      rate_(std::max<std::uint64_t>(options.rate, 1)) {}

bool Preparer::next(PreparedRequest& prepared) {
  if (taken_ == requests_max_ || !source_.next(prepared.request)) return false;
  Request& request = prepared.request;
  prepared.id = entry_id(request.group, request.field);
  if (request.size == 0 && request.operation != Operation::erase) {
    ++unsized_;
    request.size = rule_.size_of(prepared.id);
  }
  if (request.time_ms == Request::k_no_time) {
    request.time_ms =
        static_cast<std::int64_t>(taken_ / rate_ * 1000 + taken_ % rate_ * 1000 / rate_);
  }
  ++taken_;
  return true;
}

Batch::Batch(std::size_t requests_max)
    : requests_max_(requests_max), names_(requests_max * 64 + 2 * k_name_max_bytes, '\0') {
  requests_.resize(requests_max);  // touched now, before memory is measured
  requests_.clear();
}

bool Batch::fill(Preparer& from) {
  requests_.clear();
  std::size_t used = 0;
  const auto keep = [this, &used](std::string_view name) {
    char* to = names_.data() + used;
    if (!name.empty()) std::memcpy(to, name.data(), name.size());
    used += name.size();
    return std::string_view(to, name.size());
  };
  PreparedRequest prepared;
  // Long names end a batch early: the next request always fits.
  while (requests_.size() < requests_max_ && names_.size() - used >= 2 * k_name_max_bytes &&
         from.next(prepared)) {
    prepared.request.group = keep(prepared.request.group);
    prepared.request.field = keep(prepared.request.field);
    requests_.push_back(prepared);
  }
  return !requests_.empty();
}

}  // namespace ullage::app
