// The server as commands see it: its settings, its state, its end.
#pragma once

#include "command/clock.h"
#include "command/host.h"
#include "server/budget.h"
#include "server/buffer_pool.h"
#include "server/counters.h"
#include "server/settings.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::server {

class ServerHost final : public command::Host {
 public:
  /// What others do when commands ask for it. Each is called from any thread.
  struct Actions {
    std::function<void()> shut_down;
    std::function<void()> resume;
    /// Settings have changed while the server runs. What is wrong with them, if they must not.
    std::function<Problem(const Settings& before, const Settings& after)> apply;
    /// What the parts of the server may take, of late.
    std::function<Budget()> budget;
    /// What the doctor has said last.
    std::function<std::string()> doctor;
  };

  ServerHost(const Settings& settings, const BufferPool& pool, Counters& counters,
             const command::CommandClock& clock, Actions actions);

  [[nodiscard]] std::vector<command::Fact> facts(std::string_view section) const override;
  [[nodiscard]] std::vector<SettingValue> settings(std::string_view pattern) const override;
  std::optional<SettingProblem> set_settings(std::span<const SettingValue> values) override;
  std::optional<std::string> set_class(std::string_view pattern,
                                       std::span<const ClassLimit> limits) override;
  Result<bool> remove_class(std::string_view pattern) override;
  [[nodiscard]] bool has_setting(std::string_view name) const override;
  std::string rewrite_settings() override;
  [[nodiscard]] std::string acl_path() const override;
  std::string write_acl(std::string_view text) override;
  /// As they are now.
  [[nodiscard]] Settings current_settings() const {
    const std::scoped_lock lock(mutex_);
    return settings_;
  }
  [[nodiscard]] std::string doctor() const override { return actions_.doctor(); }
  void resume() override { actions_.resume(); }
  void reset_statistics() override;
  void shut_down() override { actions_.shut_down(); }

 private:
  Problem use_classes(std::vector<ClassDefinition> classes);  // mutex_ is held
  [[nodiscard]] std::vector<command::Fact> server_facts() const;
  [[nodiscard]] std::vector<command::Fact> client_facts() const;
  [[nodiscard]] std::vector<command::Fact> memory_facts() const;
  [[nodiscard]] std::vector<command::Fact> connection_facts() const;

  mutable std::mutex mutex_;
  Settings settings_;  // guarded by mutex_
  const BufferPool& pool_;
  Counters& counters_;
  const command::CommandClock& clock_;
  const std::int64_t started_ms_;
  Actions actions_;
};

}  // namespace ullage::server
