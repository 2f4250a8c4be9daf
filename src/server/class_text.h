// Classes as an operator writes them, in settings, in UL.CLASS and to /api/v1/classes:
//
//   session:* min=8mb high=32mb max=48mb idle_ttl=30m  user:* weight=200
//
// A word that ends with a star begins a class; those behind it are its limits. In a pattern blanks,
// commas, quotes and backslashes are \xHH.
#pragma once

#include <ullage/classes.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::server {

/// Sets one limit by its name, in any case, with or without its underscores: "max" to "48mb",
/// "idle_ttl" to "30m" (a plain number is milliseconds). What is wrong with it, else none.
std::optional<std::string> set_class_limit(ClassLimits& limits, std::string_view name,
                                           std::string_view value);

/// A list of classes as above; else `problem` says what is wrong with it.
std::optional<std::vector<ClassDefinition>> parse_classes(std::string_view text,
                                                          std::string& problem);
/// As parse_classes() would read them, one after another.
std::string classes_text(std::span<const ClassDefinition> classes);

}  // namespace ullage::server
