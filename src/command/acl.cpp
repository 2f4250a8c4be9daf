#include "command/acl.h"

#include <utility>

namespace ullage::command {

namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    if (end != 0) words.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

std::shared_ptr<const User> default_user(const Table& table) {
  auto user = std::make_shared<User>("default", table);
  for (const char* rule : {"on", "nopass", "~*", "&*", "+@all"})
    static_cast<void>(user->apply(rule));
  return user;
}

}  // namespace

Acl::Acl(const Table& table) : table_(table) {
  users_.emplace("default", default_user(table));
}

Acl::UserPtr Acl::find(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second;
}

std::vector<Acl::UserPtr> Acl::users() const {
  const std::scoped_lock lock(mutex_);
  std::vector<UserPtr> all;
  all.reserve(users_.size());
  for (const auto& [name, user] : users_)
    all.push_back(user);
  return all;
}

Acl::UserPtr Acl::log_in(std::string_view name, std::string_view password) const {
  UserPtr user = find(name);
  const bool accepted = user != nullptr && user->accepts(password);
  return accepted && user->is_enabled() ? user : nullptr;
}

std::optional<Acl::Refusal> Acl::change(std::string_view name,
                                        const std::vector<std::string>& rules) {
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(name);
  auto user = found == users_.end() ? std::make_shared<User>(std::string(name), table_)
                                    : std::make_shared<User>(*found->second);
  for (const std::string& rule : rules) {
    if (auto why = user->apply(rule)) return Refusal{rule, std::move(*why)};
  }
  users_[std::string(name)] = std::move(user);
  version_.fetch_add(1, std::memory_order_release);
  return std::nullopt;
}

bool Acl::remove(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return false;
  users_.erase(found);
  version_.fetch_add(1, std::memory_order_release);
  return true;
}

std::optional<std::string> Acl::load(std::string_view text) {
  Users users;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string> words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty() || words[0].starts_with('#')) continue;
    const std::string where = std::to_string(number) + ": ";
    if (words[0] != "user" || words.size() < 2) return where + "a line is: user NAME RULES...";
    if (users.contains(words[1])) return where + "user '" + words[1] + "' is there twice";
    auto user = std::make_shared<User>(words[1], table_);
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (const auto why = user->apply(words[i])) return where + "'" + words[i] + "': " + *why;
    }
    users.emplace(words[1], std::move(user));
  }
  users.try_emplace("default", default_user(table_));
  const std::scoped_lock lock(mutex_);
  users_ = std::move(users);
  version_.fetch_add(1, std::memory_order_release);
  return std::nullopt;
}

std::string Acl::text() const {
  std::string text;
  for (const UserPtr& user : users())
    text += "user " + user->name() + " " + user->rules_text() + "\n";
  return text;
}

void Acl::note(Denial denial) {
  const std::scoped_lock lock(mutex_);
  for (Denial& known : denials_) {
    if (known.reason != denial.reason || known.object != denial.object || known.user != denial.user)
      continue;
    ++known.count;
    known.at_ms = denial.at_ms;
    return;
  }
  denials_.push_front(std::move(denial));
  if (denials_.size() > k_denials_max) denials_.pop_back();
}

std::vector<Acl::Denial> Acl::denials() const {
  const std::scoped_lock lock(mutex_);
  return {denials_.begin(), denials_.end()};
}

void Acl::forget_denials() {
  const std::scoped_lock lock(mutex_);
  denials_.clear();
}

}  // namespace ullage::command
