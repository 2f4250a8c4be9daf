// What commands ask of the process that they run in. The server is one; tests have a small one.
#pragma once

#include <ullage/result.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::command {

/// One line of INFO.
struct Fact {
  std::string name;
  std::string value;
};

/// Thread-safe.
class Host {
 public:
  virtual ~Host() = default;

  /// What the process knows for a section of INFO that commands do not: "server", "clients",
  /// "memory", "stats", "cpu". Empty: nothing.
  [[nodiscard]] virtual std::vector<Fact> facts(std::string_view section) const = 0;

  struct SettingValue {
    std::string name;
    std::string value;
  };
  /// Settings whose name, in either of its forms, matches the pattern.
  [[nodiscard]] virtual std::vector<SettingValue> settings(std::string_view pattern) const = 0;
  struct SettingProblem {
    std::string name;
    std::string what;
  };
  /// Changes all of them or, if something is wrong, none.
  virtual std::optional<SettingProblem> set_settings(std::span<const SettingValue> values) = 0;
  /// A limit of a class by its name, as a person writes it: "max", "48mb".
  using ClassLimit = std::pair<std::string_view, std::string_view>;
  /// Changes these limits of a class, and defines it if need be; none of the others. What is wrong,
  /// else none.
  virtual std::optional<std::string> set_class(std::string_view pattern,
                                               std::span<const ClassLimit> limits) = 0;
  /// Answers whether there was one.
  virtual Result<bool> remove_class(std::string_view pattern) = 0;
  [[nodiscard]] virtual bool has_setting(std::string_view name) const = 0;
  /// "" on success, else what is wrong.
  virtual std::string rewrite_settings() = 0;

  /// The file that ACL LOAD and SAVE use; empty: there is none.
  [[nodiscard]] virtual std::string acl_path() const = 0;
  /// Replaces it, whole or not at all. "" on success, else what is wrong.
  virtual std::string write_acl(std::string_view text) = 0;

  /// What is wrong with the process or will be, in words; names of all tenants are in it.
  [[nodiscard]] virtual std::string doctor() const = 0;

  /// A pause has ended before its time: clients that wait for its end need not.
  virtual void resume() = 0;
  /// Zeroes what INFO counts.
  virtual void reset_statistics() = 0;
  /// Ends the process, replies under way included.
  virtual void shut_down() = 0;
};

}  // namespace ullage::command
