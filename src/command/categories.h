// ACL categories: which commands belong together when they are allowed or denied.
#pragma once

#include "command/row.h"

#include <span>
#include <string_view>
#include <vector>

namespace ullage::command {

/// In lower case, without '@': "read", "hash", "fast".
std::vector<std::string_view> categories_of(const Row& row);
/// All names that there are.
std::span<const std::string_view> all_categories() noexcept;
bool is_category(std::string_view category) noexcept;
bool has_category(const Row& row, std::string_view category);

}  // namespace ullage::command
