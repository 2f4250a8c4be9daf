#include "command/call.h"

#include "command/words.h"
#include "resp/number.h"

#include <string>

namespace ullage::command {

void Call::wrong_number_of_arguments() {
  error("ERR wrong number of arguments for '" + lowered(row.name) + "' command");
}

void Call::refused(const Error& refusal) {
  if (refusal.code == Errc::no_room) {
    error(k_out_of_memory);
  } else {
    error("ERR " + refusal.message);
  }
}

bool Call::name_fits(const Key& key) {
  if (key.fits()) return true;
  error("ERR a key of " + std::to_string(key.group().size()) + " bytes is longer than " +
        std::to_string(k_name_max_bytes));
  return false;
}
bool Call::name_fits(const FieldName& field) {
  if (field.fits()) return true;
  error("ERR a field of " + std::to_string(field.view().size()) + " bytes is longer than " +
        std::to_string(k_name_max_bytes));
  return false;
}

std::optional<std::int64_t> Call::integer(std::size_t i, std::string_view text) {
  const auto value = resp::parse_integer(args[i]);
  if (!value) error(text);
  return value;
}
std::optional<std::int64_t> Call::integer_in(std::size_t i, std::int64_t least, std::int64_t most,
                                             std::string_view text) {
  const auto value = resp::parse_integer(args[i]);
  if (value && *value >= least && *value <= most) return value;
  error(text);
  return std::nullopt;
}

bool Call::is_word(std::size_t i, std::string_view word) const noexcept {
  return same_word(args[i], word);
}

Type Call::type_of(const Key& key) const {
  if (is_string(key)) return Type::string;
  return exists(key) ? Type::hash : Type::none;
}

bool Call::is_string(const Key& key) const {
  return services.seen.strings.load(std::memory_order_relaxed) &&
         cache().contains(key.group(), k_string_field);
}

}  // namespace ullage::command
