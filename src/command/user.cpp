#include "command/user.h"

#include "command/categories.h"
#include "command/glob.h"
#include "command/words.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace ullage::command {

namespace {
constexpr std::size_t k_hash_digits = 2 * SHA256_DIGEST_LENGTH;
constexpr std::string_view k_digits = "0123456789abcdef";
constexpr std::string_view k_class_rule = "class=";

/// Whether a key is in the class of that pattern, or in one that lies in it.
bool begins_as(std::string_view class_pattern, std::string_view key) noexcept {
  return key.starts_with(class_pattern.substr(0, class_pattern.size() - 1));
}
}  // namespace

std::string hash_password(std::string_view password) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(password.data()), password.size(), digest.data());
  std::string text;
  text.reserve(k_hash_digits);
  for (const unsigned char byte : digest) {
    text += k_digits[byte >> 4];
    text += k_digits[byte & 15];
  }
  return text;
}

User::User(std::string name, const Table& table)
    : table_(&table), name_(std::move(name)), commands_(table.size(), false) {
  command_rules_ = {"-@all"};
}

bool User::accepts(std::string_view password) const {
  if (no_password_) return true;
  const std::string hash = hash_password(password);
  bool accepted = false;
  for (const std::string& one : hashes_)
    accepted = ::CRYPTO_memcmp(one.data(), hash.data(), k_hash_digits) == 0 || accepted;
  return accepted;
}

bool User::may_run(const Row& row) const noexcept {
  return all_commands_ || commands_[table_->index_of(row)];
}

bool User::is_bound_to(std::string_view class_pattern) const noexcept {
  return std::ranges::any_of(keys_, [&](const KeyRule& rule) {
    return rule.is_class && !class_pattern.empty() &&
           begins_as(rule.pattern, class_pattern.substr(0, class_pattern.size() - 1));
  });
}

bool User::may_touch(std::string_view key, Access access) const noexcept {
  if (all_keys_) return true;
  // Reading and writing may be allowed by different patterns.
  bool read = !access.read;
  bool write = !access.write;
  bool any = false;
  for (const KeyRule& rule : keys_) {
    if (!(rule.is_class ? begins_as(rule.pattern, key) : glob_matches(rule.pattern, key))) continue;
    any = true;
    read = read || rule.access.read;
    write = write || rule.access.write;
  }
  return any && read && write;
}

bool User::may_use_channel(std::string_view channel, bool literal) const noexcept {
  return all_channels_ ||
         std::any_of(channels_.begin(), channels_.end(), [&](const std::string& pattern) {
           return literal ? pattern == channel : glob_matches(pattern, channel);
         });
}

void User::allow_all(bool allow) {
  all_commands_ = allow;
  std::fill(commands_.begin(), commands_.end(), allow);
  command_rules_ = {allow ? "+@all" : "-@all"};
}

std::optional<std::string> User::apply_command(bool allow, std::string_view name) {
  const std::string lower = lowered(name);
  const std::string rule = (allow ? "+" : "-") + lower;
  if (lower == "@all") {
    allow_all(allow);
    return std::nullopt;
  }
  bool known = false;
  const auto set = [&](const Row& row) {
    known = true;
    commands_[table_->index_of(row)] = allow;
  };
  if (lower.starts_with('@')) {
    const std::string_view category = std::string_view(lower).substr(1);
    known = is_category(category);
    table_->for_each([&](const Row& row) {
      if (has_category(row, category)) set(row);
    });
  } else {
    table_->for_each([&](const Row& row) {
      const std::string full = table_->name_of(row);
      // A command stands for its subcommands too.
      if (full == lower || full.starts_with(lower + "|")) set(row);
    });
  }
  if (!known) return "Unknown command or category name in ACL";
  if (!allow) all_commands_ = false;
  std::erase(command_rules_, "+" + lower);
  std::erase(command_rules_, "-" + lower);
  command_rules_.push_back(rule);
  return std::nullopt;
}

std::optional<std::string> User::add_password_hash(std::string_view hash) {
  const bool is_hash =
      hash.size() == k_hash_digits && hash.find_first_not_of(k_digits) == std::string_view::npos;
  if (!is_hash)
    return "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
           "characters";
  no_password_ = false;
  if (std::find(hashes_.begin(), hashes_.end(), hash) == hashes_.end()) hashes_.emplace_back(hash);
  return std::nullopt;
}

void User::reset() {
  User fresh(name_, *table_);
  *this = std::move(fresh);
}

std::optional<std::string> User::apply(std::string_view rule) {
  if (rule.empty()) return "Syntax error";
  const std::string_view rest = rule.substr(1);
  const std::string word = lowered(rule);
  if (word == "on") {
    enabled_ = true;
  } else if (word == "off") {
    enabled_ = false;
  } else if (word == "nopass") {
    no_password_ = true;
    hashes_.clear();
  } else if (word == "resetpass") {
    no_password_ = false;
    hashes_.clear();
  } else if (word == "allkeys" || word == "~*") {
    all_keys_ = true;
    keys_.clear();
  } else if (word == "resetkeys") {
    all_keys_ = false;
    keys_.clear();
  } else if (word == "allchannels" || word == "&*") {
    all_channels_ = true;
    channels_.clear();
  } else if (word == "resetchannels") {
    all_channels_ = false;
    channels_.clear();
  } else if (word == "allcommands") {
    allow_all(true);
  } else if (word == "nocommands") {
    allow_all(false);
  } else if (word == "reset") {
    reset();
  } else if (rule[0] == '>') {
    return add_password_hash(hash_password(rest));
  } else if (rule[0] == '#') {
    return add_password_hash(rest);
  } else if (rule[0] == '<' || rule[0] == '!') {
    const std::string hash = rule[0] == '<' ? hash_password(rest) : std::string(rest);
    if (std::erase(hashes_, hash) == 0)
      return "The password you are trying to remove from the user does not exist";
  } else if (rule[0] == '+' || rule[0] == '-') {
    return apply_command(rule[0] == '+', rest);
  } else if (rule[0] == '&') {
    if (all_channels_)
      return "Adding a pattern after the * pattern (or the 'allchannels' flag) is "
             "not valid and does not have any effect. Try 'resetchannels' to "
             "start with an empty list of channels";
    channels_.emplace_back(rest);
  } else if (rule[0] == '~' || rule[0] == '%' || word.starts_with(k_class_rule)) {
    KeyRule key{std::string(rest), {true, true}};
    if (word.starts_with(k_class_rule)) {
      key.pattern = rule.substr(k_class_rule.size());
      key.is_class = true;
      if (!key.pattern.ends_with('*')) return "A class is a prefix and a star, like session:*";
    }
    if (rule[0] == '%') {
      const std::size_t end = rule.find('~');
      const std::string access =
          lowered(rule.substr(1, end == std::string_view::npos ? 0 : end - 1));
      if (access.empty() || access.find_first_not_of("rw") != std::string::npos)
        return "Syntax error";
      key.access = {access.find('r') != std::string::npos, access.find('w') != std::string::npos};
      key.pattern = rule.substr(end + 1);
    }
    if (all_keys_)
      return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not "
             "valid and does not have any effect. Try 'resetkeys' to start with an "
             "empty list of patterns";
    keys_.push_back(std::move(key));
  } else {
    return "Syntax error";
  }
  return std::nullopt;
}

std::vector<std::string> User::flags() const {
  std::vector<std::string> all = {enabled_ ? "on" : "off"};
  if (all_keys_) all.emplace_back("allkeys");
  if (all_channels_) all.emplace_back("allchannels");
  if (all_commands_) all.emplace_back("allcommands");
  if (no_password_) all.emplace_back("nopass");
  return all;
}

std::string User::commands_text() const {
  std::string text;
  for (const std::string& rule : command_rules_)
    text += (text.empty() ? "" : " ") + rule;
  return text;
}

std::string User::keys_text() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyRule& rule : keys_) {
    if (!text.empty()) text += ' ';
    if (rule.is_class) {
      text += k_class_rule;
    } else if (rule.access.read && rule.access.write) {
      text += '~';
    } else {
      text += rule.access.read ? "%R~" : "%W~";
    }
    text += rule.pattern;
  }
  return text;
}

std::string User::channels_text() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& pattern : channels_)
    text += (text.empty() ? "&" : " &") + pattern;
  return text;
}

std::string User::rules_text() const {
  std::string text = enabled_ ? "on" : "off";
  if (no_password_) text += " nopass";
  for (const std::string& hash : hashes_)
    text += " #" + hash;
  if (const std::string keys = keys_text(); !keys.empty()) text += " " + keys;
  text += all_channels_ ? " &*" : " resetchannels";
  if (!all_channels_ && !channels_.empty()) text += " " + channels_text();
  return text + " " + commands_text();
}

}  // namespace ullage::command
