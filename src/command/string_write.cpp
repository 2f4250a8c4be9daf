#include "command/string_write.h"

namespace ullage::command {

bool may_be_string(Call& call, const Key& key) {
  see_strings(call);
  if (!call.is_no_string(key)) return true;
  call.wrong_type();
  return false;
}

bool put_string(Call& call, const Key& key, Writing& held, std::string_view value,
                const SetOptions& options) {
  see_strings(call);
  SetOptions with = options;
  if (call.is_no_string(key)) {
    if (const auto ttl = call.cache().group_ttl(key.group()); ttl && options.keep_ttl)
      with.ttl = ttl->remaining;
    with.keep_ttl = false;
    held.begin_several();
    call.cache().erase_group(key.group());
  }
  const auto done = call.cache().set(key.group(), k_string_field, value, with);
  if (done) return true;
  call.refused(done.error());
  return false;
}

}  // namespace ullage::command
