#include "command/key_events.h"

#include "command/names.h"

namespace ullage::command {

namespace {
// Those that we have events of come first; the others are taken, and never come.
constexpr std::string_view k_letters = "KEg$hxelsztdmn";
constexpr std::string_view k_all = "g$hxelsztd";

constexpr std::uint32_t bit_of(char letter) noexcept {
  const std::size_t at = k_letters.find(letter);
  return at == std::string_view::npos ? 0 : std::uint32_t{1} << at;
}
constexpr std::uint32_t bits_of(std::string_view letters) noexcept {
  std::uint32_t bits = 0;
  for (const char letter : letters)
    bits |= bit_of(letter);
  return bits;
}
}  // namespace

bool KeyEvents::want(std::string_view letters) noexcept {
  std::uint32_t bits = 0;
  for (const char letter : letters) {
    const std::uint32_t more = letter == 'A' ? bits_of(k_all) : bit_of(letter);
    if (more == 0) return false;
    bits |= more;
  }
  wanted_.store(bits, std::memory_order_relaxed);
  return true;
}

std::string KeyEvents::wanted() const {
  const std::uint32_t bits = wanted_.load(std::memory_order_relaxed);
  std::string text;
  const bool all = (bits & bits_of(k_all)) == bits_of(k_all);
  if (all) text += 'A';
  for (const char letter : k_letters) {
    if ((bits & bit_of(letter)) == 0) continue;
    if (!all || k_all.find(letter) == std::string_view::npos) text += letter;
  }
  return text;
}

bool KeyEvents::wants_removals() const noexcept {
  return (wanted_.load(std::memory_order_relaxed) & bits_of("hxe")) != 0;
}

void KeyEvents::tell_wanted(PubSub& pubsub, std::string_view group, const Event& event) {
  const std::uint32_t bits = wanted_.load(std::memory_order_relaxed);
  if ((bits & bit_of(event.type)) == 0 || !pubsub.has_listeners()) return;
  const DecodedGroup decoded = decode_group(group);
  const std::string at = "@" + std::to_string(decoded.database) + "__:";
  if ((bits & bit_of('K')) != 0)
    pubsub.publish_about(decoded.key, "__keyspace" + at + std::string(decoded.key), event.name);
  if ((bits & bit_of('E')) != 0)
    pubsub.publish_about(decoded.key, "__keyevent" + at + std::string(event.name), decoded.key);
}

}  // namespace ullage::command
