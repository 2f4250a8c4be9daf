#include "server/reply_buffer.h"

#include <cstring>
#include <utility>

namespace ullage::server {

bool ReplyBuffer::grow(std::size_t bytes) {
  const std::size_t used = size();
  while (!block_.empty() && block_.size() - used < bytes && pool_.extend(block_)) {
  }
  if (block_.empty() || block_.size() - used < bytes) {
    Block larger = source_(used + bytes);
    if (larger.empty()) return false;
    std::memcpy(larger.data(), view().data(), used);
    block_ = std::move(larger);
  }
  hold(block_.data(), used, block_.size());
  return true;
}

}  // namespace ullage::server
