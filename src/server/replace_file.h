// Writing a file anew: whole or not at all.
#pragma once

#include "server/settings.h"

#include <functional>
#include <string>
#include <string_view>

namespace ullage::server {

/// Puts `text` in the place of a file, or leaves it as it was, whatever happens meanwhile: a draft
/// beside it is written, flushed to the disk, looked at by `check` if there is one, and renamed.
/// Owner and mode stay; a file that was not there can be read by its owner only.
Problem replace_file(const std::string& path, std::string_view text,
                     const std::function<Problem(const std::string& draft)>& check = {});

}  // namespace ullage::server
