// What the terminal can show.
#pragma once

#include <cstddef>

namespace ullage::app {

struct Terminal {
  std::size_t width = 80;  ///< columns; 80 where there is no terminal
  bool utf8 = false;       ///< by LC_ALL, LC_CTYPE, LANG, in this order
  bool color = false;      ///< a terminal, and NO_COLOR is not set
};

/// Looks at standard output and the environment (COLUMNS overrides the width).
Terminal probe_terminal();

/// Whether standard error is a terminal: progress is for people only.
bool stderr_is_terminal();

}  // namespace ullage::app
