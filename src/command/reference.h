// The reference page of the commands, from their rows.
#pragma once

#include "command/table.h"

#include <string>

namespace ullage::command {

/// In Markdown: docs/commands.md is this.
std::string reference_page(const Table& table);

}  // namespace ullage::command
